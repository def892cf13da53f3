"""Whom a breach concerns (GDPR art. 33): orders by number, people by count. That somebody looked is logged."""

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
    """What the options mean; days are those of the attempts in *zone*, both included.

    Raises Usage where they name nothing, or what cannot be: silence would read as "nobody".
    """
    if run is None and since is None and path is None:
        raise Usage("Affected by what? Name --run, --since or --field.")
    if since and until and until < since:
        raise Usage(f"--until {until} lies before --since {since}.")
    if path is not None and not any(path in paths for paths in SCHEMA.values()):
        raise Usage("--field names no path that can be sent; the policy file lists them, such as events[].currency.")
    usual = BreachScope(run=run, path=path)
    first = microseconds(datetime.combine(since, time.min, zone)) if since else usual.since_us
    last = microseconds(datetime.combine(until, time.max.replace(fold=1), zone)) if until else usual.until_us
    return BreachScope(run, first, last, path)


@contextmanager
def breach_report(
    settings: Settings, clock: Clock, within: BreachScope, purpose: str, case: str | None
) -> Iterator[tuple[BreachCount, Iterator[AffectedOrder]]]:
    """The count, and the orders one by one, as of one moment; logged first."""
    with open_shared(settings, clock) as ledger:
        access_log.record(ledger, purpose, None, case)
        with ledger.transaction() as connection:
            yield breach_scope.count(connection, within), breach_scope.orders(connection, within)
