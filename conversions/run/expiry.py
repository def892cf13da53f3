"""What a plan says of time: until when its orders can be sent, and which are too old since when."""

from datetime import UTC, date, datetime, time, timedelta

from conversions.ledger.queries.totals import ControlTotals
from conversions.model.rules import Rules
from conversions.run.report import TooOld


def first_too_old(account: ControlTotals, rules: Rules) -> str | None:
    """When the first order that a run would send becomes too old, in the shop's zone; None where none would be."""
    if account.first_too_old is None:
        return None
    return _shown(datetime.fromtimestamp(account.first_too_old, UTC), rules)


def too_old(account: ControlTotals, rules: Rules) -> TooOld | None:
    """What is too old already; None where nothing is."""
    days = sorted(account.too_old)
    if not days:
        return None
    ended = datetime.combine(date.fromisoformat(days[-1]) + timedelta(days=1), time.min, rules.zone)
    at = _shown(ended.astimezone(UTC) + rules.max_age - timedelta(seconds=1), rules)
    return TooOld(account.too_old.total(), days[0], days[-1], at)


def _shown(instant: datetime, rules: Rules) -> str:
    return f"{instant.astimezone(rules.zone):%Y-%m-%d %H:%M}"
