"""The match rate: the share of orders that a platform matches to an ad, compared with this shop's usual share."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

from conversions.ledger import Ledger
from conversions.ledger.late_results import match_counts
from conversions.ledger.late_results.match_counts import Matches
from conversions.ledger.runs.findings import open_findings
from conversions.model.finding import Finding, attention, note

CODE = "match_rate"
MONTH, SPAN = timedelta(days=30), timedelta(days=60)
MIN_ORDERS = 300
"""Orders with a known match result; with fewer, the check reports nothing."""
UNLIKELY, RECOVERED = 1e-4, 1e-2
"""The probability of the last 60 days at the usual rate, below which a finding begins, and above which it ends."""
MAX_TERMS = 500
"""Terms of the sum in ``chance``; larger counts are scaled down."""
SPREAD = 16.0
"""Our assumption: from one season or campaign to the next a rate varies by a quarter of itself (1 / sqrt(16))."""


@dataclass(frozen=True, slots=True)
class Course:
    """Match counts of three periods, by purchase day."""

    earlier: Matches
    before: Matches
    """The 30 days before ``latest``."""
    latest: Matches
    """The last 30 days."""

    @property
    def recent(self) -> Matches:
        """The last 60 days."""
        return Matches(self.before.matched + self.latest.matched, self.before.unmatched + self.latest.unmatched)


def courses(ledger: Ledger, today: date) -> dict[str, Course]:
    """Return the course of each destination that reports matches; *today* is in the shop's zone."""
    counts = match_counts.since(ledger, (today - SPAN, today - MONTH))
    return {name: Course(*spans) for name, spans in counts.items()}


def findings(ledger: Ledger, today: date) -> list[Finding]:
    """Return the match rate of each destination; one that is too low needs a person once, until it recovers."""
    known = {row.destination for row in open_findings(ledger) if row.code == CODE}
    by_name = courses(ledger, today).items()
    return [_finding(name, course, RECOVERED if name in known else UNLIKELY) for name, course in by_name]


def sentence(name: str, course: Course) -> str:
    """Return the present rate and the earlier rates as text."""
    spans = (("the last 30 days", course.latest), ("the 30 days before", course.before), ("earlier", course.earlier))
    rates = [f"{_rate(matches)} ({when})" for when, matches in spans if matches.orders]
    return f"{name} matched to an ad: {', '.join(rates)}."


def chance(recent: Matches, earlier: Matches) -> float:
    """Return the probability of so few matches or fewer among the *recent* orders, at the rate of the *earlier* ones.

    The distribution is beta-binomial: the rate varies, and is less certain with fewer matches. Without an earlier match
    there is no rate: the result is 1 if anything is matched now, else 0. Large counts are scaled down at the same rate:
    because of ``SPREAD`` more orders would not change the result.
    """
    if not earlier.matched:
        return float(recent.matched > 0)
    if recent.matched * earlier.orders >= earlier.matched * recent.orders:
        return 1.0
    a = 1 / (1 / SPREAD + 1 / earlier.matched)
    b = a * max(earlier.unmatched, 0.5) / earlier.matched
    scale = max(1, recent.matched // MAX_TERMS)
    n, matched = recent.orders // scale, recent.matched // scale
    log = math.lgamma(b + n) - math.lgamma(b) + math.lgamma(a + b) - math.lgamma(a + b + n)
    total = math.exp(log)
    for k in range(matched):
        log += math.log((n - k) * (k + a) / ((k + 1) * (n - k - 1 + b)))
        total += math.exp(log)
    return min(total, 1.0)


def _finding(name: str, course: Course, unlikely: float) -> Finding:
    rates, recent = sentence(name, course), course.recent
    enough = recent.orders + course.earlier.orders >= MIN_ORDERS
    if not enough or chance(recent, course.earlier) >= unlikely:
        return note(CODE, rates, count=recent.matched, destination=name)
    checks = (
        "So few matches are not chance. Check whether the tag of enhanced conversions for leads still sends the "
        "address, whether this is the right conversion action, and whether ads are shown at all"
    )
    return attention(CODE, f"{rates} {checks}.", count=recent.unmatched, destination=name, once=True)


def _rate(matches: Matches) -> str:
    return f"{100 * (matches.rate or 0):.1f} % of {matches.orders} orders"
