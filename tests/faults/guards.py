"""The program's guards, asked about a drawn year night by night; none of their rules is repeated here."""

from collections import Counter, deque
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from conversions.anomalies import match_rate as matching
from conversions.errors import Exit
from conversions.ledger.late_results.match_counts import Matches
from conversions.ledger.runs.findings import REMIND_AFTER
from conversions.ledger.staging.reason_shares import ALL, RunJudgements, unusual_shares_among
from conversions.model.conversion import Reason
from conversions.statistics.magnitudes import magnitude
from conversions.statistics.price_levels import PriceLevels
from conversions.statistics.volume_gaps import gaps
from tests.faults.amounts import night
from tests.faults.drawn import FIRST, STATUSES, Year
from tests.faults.false_alarms import Alarm

OLDEST = 400
"""Nights that the shares of orders are held against."""


def volume(year: Year) -> Iterator[Alarm]:
    """Days with too few orders."""
    for gap in gaps(year.counts, year.situation.closed):
        yield Alarm(gap.detected, "few_orders")


def amounts(year: Year) -> Iterator[Alarm]:
    """Orders at another level, and odd ones."""
    prices: dict[str, PriceLevels] = {}
    for day in year.days:
        its = year.orders(day)
        sold = [
            ("DKK" if currency == 0 else "EUR", int(product).to_bytes(2), magnitude(int(minor), 2))
            for minor, product, currency in zip(its.minor, its.product, its.currency, strict=True)
            if minor > 0
        ]
        odd, stopped = night(prices, sold, first=day < FIRST)
        if stopped:
            yield Alarm(day, "level", Exit.DATA)
        elif odd:
            yield Alarm(day, "unusual_amount")


def shares(year: Year) -> Iterator[Alarm]:
    """Orders that are held back, and rows that are none: what is pending is completed a day later."""
    nights, told, pending = deque[RunJudgements](maxlen=OLDEST), dict[str, date](), 0
    for day in year.days:
        its = year.orders(day)
        held = int(np.count_nonzero(its.status != STATUSES.index("completed")))
        counts = {ALL: len(its.status) + pending + its.bad_rows, Reason.NOT_COMPLETED: held}
        tonight = RunJudgements(Counter(counts | {Reason.BAD_AMOUNT: its.bad_rows}))
        pending = int(np.count_nonzero(its.status == STATUSES.index("pending")))
        nights.appendleft(tonight)
        for share in unusual_shares_among(list(nights), [Reason.NOT_COMPLETED, Reason.BAD_AMOUNT]):
            tonight.odd.add(share.reason)
            if day - told.get(share.reason, date.min) >= REMIND_AFTER:
                told[share.reason] = day
                yield Alarm(day, f"share: {share.reason}")


def match_rate(year: Year) -> Iterator[Alarm]:
    """How many orders Google matches: a rate of this shop's own, with seasons."""
    dice = np.random.default_rng([year.seed, 9])
    rate, phase = dice.uniform(0.05, 0.5), dice.uniform(0, 6.28)
    matched = {
        day: int(dice.binomial(orders, rate * (1 + 0.2 * np.sin(6.28 * n / 365 + phase))))
        for n, (day, orders) in enumerate(year.counts.items())
    }
    known = False
    for day in year.days[::3]:
        spans = [
            _matches(year, matched, day - timedelta(60), day),
            _matches(year, matched, date.min, day - timedelta(60)),
        ]
        unlikely = matching.RECOVERED if known else matching.UNLIKELY
        enough = sum(one.orders for one in spans) >= matching.MIN_ORDERS
        wrong = enough and matching.chance(*spans) < unlikely
        if wrong and not known:
            yield Alarm(day, "match_rate")
        known = wrong


def _matches(year: Year, matched: dict[date, int], since: date, until: date) -> Matches:
    days = [day for day in matched if since < day <= until]
    hits = sum(matched[day] for day in days)
    return Matches(hits, sum(year.counts[day] for day in days) - hits)


GUARDS = (volume, amounts, shares, match_rate)
