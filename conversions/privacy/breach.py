"""The scope of a breach (GDPR art. 33): order numbers, and the number of people. Each query is logged."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, tzinfo

from conversions.disclosure.schema import SCHEMA
from conversions.errors import Usage
from conversions.ledger import Clock, open_shared
from conversions.ledger.store import microseconds
from conversions.ledger.subjects import access_log, breach_scope
from conversions.ledger.subjects.breach_scope import AffectedOrder, BreachCount, BreachScope
from conversions.settings import Settings


def scope(zone: tzinfo, run: int | None, since: date | None, until: date | None, path: str | None) -> BreachScope:
    """The scope that the options describe; days are those of the attempts in *zone*, both included.

    Raises Usage where there is no option or an impossible one: an empty result would read as "no person is affected".
    """
    if run is None and since is None and path is None:
        raise Usage("Affected by what? Name --run, --since or --field.")
    if since and until and until < since:
        raise Usage(f"--until {until} lies before --since {since}.")
    if path is not None and not any(path in paths for paths in SCHEMA.values()):
        raise Usage("--field names no path that can be sent; the policy file lists them, such as events[].currency.")
    default = BreachScope(run=run, path=path)
    first = microseconds(datetime.combine(since, time.min, zone)) if since else default.since_us
    last = microseconds(datetime.combine(until, time.max.replace(fold=1), zone)) if until else default.until_us
    return BreachScope(run, first, last, path)


@contextmanager
def breach_report(
    settings: Settings, clock: Clock, within: BreachScope, purpose: str, case: str | None
) -> Iterator[tuple[BreachCount, Iterator[AffectedOrder]]]:
    """Log the query, then open one read snapshot with the count and the affected orders."""
    with open_shared(settings, clock) as ledger:
        access_log.record_access(ledger, purpose, None, case)
        with ledger.transaction() as connection:
            yield breach_scope.count(connection, within), breach_scope.orders(connection, within)
