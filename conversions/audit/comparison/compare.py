"""Compare, and log the comparison before anything of it is shown."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from conversions.audit.comparison.account_zone import days_moved
from conversions.audit.comparison.causes import AccountDays, causes_of
from conversions.audit.comparison.comparison import Comparison, facts
from conversions.audit.comparison.log_totals import log_totals
from conversions.audit.comparison.platform_totals import PlatformTotals
from conversions.errors import LedgerError
from conversions.ledger import Clock, open_read_only, open_shared, require_store
from conversions.ledger.runs import comparisons
from conversions.ledger.runs.comparisons import ComparisonEntry
from conversions.model.conversion import Window
from conversions.model.run_request import today
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class ComparisonQuestion:
    """What is compared with what the platform shows."""

    destination: str
    """A destination of the settings."""
    period: Window
    account_zone: ZoneInfo
    reason: str | None = None


def compare(
    settings: Settings, clock: Clock, question: ComparisonQuestion, platform: PlatformTotals
) -> tuple[Comparison, int]:
    """Return the comparison and the number of its entry in the log.

    Raises Usage where there is no store yet, and LedgerError where it takes no entry: then nothing is shown.
    """
    require_store(settings, ": the first `conversions run` makes it, and only then is there something to compare")
    comparison = _comparison(settings, clock, question, platform)
    try:
        with open_shared(settings, clock) as ledger:
            entry = comparisons.record(ledger, {"reason": question.reason, **facts(comparison)})
    except LedgerError as error:
        raise LedgerError(f"Nothing is shown, because this comparison cannot be recorded. {error}") from None
    return comparison, entry


def former(settings: Settings, clock: Clock) -> list[ComparisonEntry]:
    """Return every comparison that the log has, the newest last."""
    with open_read_only(settings, clock) as ledger, ledger.transaction() as connection:
        return comparisons.entries(connection)


def _comparison(settings: Settings, clock: Clock, question: ComparisonQuestion, platform: PlatformTotals) -> Comparison:
    section, period = settings.destinations[question.destination], question.period
    with open_read_only(settings, clock) as ledger, ledger.transaction() as connection:
        log = log_totals(connection, question.destination, period)
    leaving, entering = days_moved(period, settings.zone, question.account_zone, section.precision)
    account = AccountDays(platform.by_click_date, frozenset(leaving), frozenset(entering))
    return Comparison(
        destination=question.destination,
        platform=platform,
        log=log,
        causes=tuple(causes_of(section.kind, log, account)),
        timezone=settings.timezone,
        account_timezone=question.account_zone.key,
        month_ended=period.until < today(settings.zone, clock()),
    )
