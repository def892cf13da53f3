"""How many orders a platform matches to an ad, against what is usual in this shop."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

from conversions.ledger import Ledger
from conversions.ledger.late_results import match_counts
from conversions.ledger.late_results.match_counts import Matches
from conversions.ledger.runs import findings as told
from conversions.model.finding import Finding, attention, note

CODE = "match_rate"
MONTH, SPAN = timedelta(days=30), timedelta(days=60)
ENOUGH = 300
"""Orders that the platform has spoken of: before, nobody is called."""
UNLIKELY, RECOVERED = 1e-4, 1e-2
"""How likely the last 60 days are at this shop's own rate when it is told, and when it is over."""
MAX_TERMS = 500
SPREAD = 16.0
"""Rates vary by a quarter of themselves (1 / sqrt(16)) from one season or campaign to the next, in our judgement."""


@dataclass(frozen=True, slots=True)
class Course:
    """Orders by purchase day."""

    earlier: Matches
    before: Matches
    """Of the 30 days before ``latest``."""
    latest: Matches
    """Of the last 30 days."""

    @property
    def recent(self) -> Matches:
        """Of the last 60 days."""
        return Matches(self.before.matched + self.latest.matched, self.before.unmatched + self.latest.unmatched)


def courses(ledger: Ledger, today: date) -> dict[str, Course]:
    """By destination whose platform says what it matched; *today* is the shop's."""
    found = match_counts.since(ledger, (today - SPAN, today - MONTH))
    return {name: Course(*spans) for name, spans in found.items()}


def findings(ledger: Ledger, today: date) -> list[Finding]:
    """The course at each destination; one that is too unlikely is told once, until it recovers."""
    known = {row.destination for row in told.open_findings(ledger) if row.code == CODE}
    found = courses(ledger, today).items()
    return [_finding(name, course, RECOVERED if name in known else UNLIKELY) for name, course in found]


def sentence(name: str, course: Course) -> str:
    """The rate, and how it was before."""
    spans = (("the last 30 days", course.latest), ("the 30 days before", course.before), ("earlier", course.earlier))
    said = [f"{_share(one)} ({when})" for when, one in spans if one.orders]
    return f"{name} matched to an ad: {', '.join(said)}."


def chance(recent: Matches, earlier: Matches) -> float:
    """How likely it is that so few of *recent* orders or fewer are matched, at the rate of *earlier* ones.

    Beta-binomial: of a rate that varies, and is known the less the fewer were matched. Without an earlier match there
    is no rate: certain where anything is matched now, impossible otherwise. Of very many a part is judged, at the same
    rate: by ``SPREAD`` the rest would add nothing.
    """
    if not earlier.matched:
        return float(recent.matched > 0)
    if recent.matched * earlier.orders >= earlier.matched * recent.orders:
        return 1.0
    a = 1 / (1 / SPREAD + 1 / earlier.matched)
    b = a * max(earlier.unmatched, 0.5) / earlier.matched
    fewer = max(1, recent.matched // MAX_TERMS)
    n, matched = recent.orders // fewer, recent.matched // fewer
    log = math.lgamma(b + n) - math.lgamma(b) + math.lgamma(a + b) - math.lgamma(a + b + n)
    total = math.exp(log)
    for k in range(matched):
        log += math.log((n - k) * (k + a) / ((k + 1) * (n - k - 1 + b)))
        total += math.exp(log)
    return min(total, 1.0)


def _finding(name: str, course: Course, unlikely: float) -> Finding:
    said, recent = sentence(name, course), course.recent
    enough = recent.orders + course.earlier.orders >= ENOUGH
    if not enough or chance(recent, course.earlier) >= unlikely:
        return note(CODE, said, count=recent.matched, destination=name)
    do = (
        "So few were not matched by chance. Look whether the tag of enhanced conversions for leads still sends the "
        "address, whether the conversion action is the one that is meant, and whether ads are shown at all"
    )
    return attention(CODE, f"{said} {do}.", count=recent.unmatched, destination=name, once=True)


def _share(one: Matches) -> str:
    return f"{100 * (one.rate or 0):.1f} % of {one.orders} orders"
