"""Expiry times in a plan: when its orders become too old, and which orders already are."""

from datetime import UTC, date, datetime, time, timedelta

from conversions.ledger.queries.totals import ControlTotals
from conversions.model.rules import Rules
from conversions.run.report import TooOld


def first_too_old(totals: ControlTotals, rules: Rules) -> str | None:
    """Return when the first order that a run would send becomes too old, in the shop's zone; None without orders."""
    if totals.first_too_old is None:
        return None
    return _format(datetime.fromtimestamp(totals.first_too_old, UTC), rules)


def too_old(totals: ControlTotals, rules: Rules) -> TooOld | None:
    """Return the orders that are already too old; None where there are none."""
    days = sorted(totals.too_old)
    if not days:
        return None
    day_end = datetime.combine(date.fromisoformat(days[-1]) + timedelta(days=1), time.min, rules.zone)
    at = _format(day_end.astimezone(UTC) + rules.max_age - timedelta(seconds=1), rules)
    return TooOld(totals.too_old.total(), days[0], days[-1], -(-rules.max_age // timedelta(days=1)), at)


def _format(instant: datetime, rules: Rules) -> str:
    return f"{instant.astimezone(rules.zone):%Y-%m-%d %H:%M}"
