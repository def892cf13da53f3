"""Count how many orders a platform matched to an ad, by purchase day, without personal data."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.sql import IS_PRESENT_EVENT
from conversions.ledger.store import Ledger

_COUNT = text_with_lists(
    f"""
    INSERT INTO match_day(destination, day, matched, unmatched)
    SELECT d.destination, d.day, count(*) FILTER (WHERE d.state = 'recorded'),
        count(*) FILTER (WHERE d.state = 'unmatched')
    FROM event e JOIN delivery d ON {IS_PRESENT_EVENT}
    WHERE e.id IN :events AND d.state IN ('recorded', 'unmatched')
    AND NOT EXISTS (SELECT 1 FROM revision v WHERE v.id = e.id)
    GROUP BY d.destination, d.day
    ON CONFLICT (destination, day) DO UPDATE
    SET matched = match_day.matched + excluded.matched, unmatched = match_day.unmatched + excluded.unmatched
""",
    "events",
)
"""A request gets its verdict once; a restatement does not count its order again."""


class Matches(NamedTuple):
    """Orders with a result from the platform."""

    matched: int = 0
    unmatched: int = 0

    @property
    def orders(self) -> int:
        """Matched and unmatched together."""
        return self.matched + self.unmatched

    @property
    def rate(self) -> float | None:
        """Share of matched orders, 0 to 1; None where there are no orders."""
        return self.matched / self.orders if self.orders else None


def count(connection: Connection, events: Sequence[int]) -> None:
    """Add the orders of the *events* of a request that just got its verdict, in the caller's transaction."""
    connection.execute(_COUNT, {"events": events})


def since(ledger: Ledger, days: tuple[date, ...]) -> dict[str, tuple[Matches, ...]]:
    """Return by destination the orders bought before the first of *days* (ascending), between two, and since then."""
    m, destination = tables.match_day.c, tables.destination.c
    query = select(destination.name, m.day, func.sum(m.matched), func.sum(m.unmatched)).join(
        tables.match_day, destination.id == m.destination
    )
    by_name: dict[str, list[Matches]] = {}
    with ledger.transaction() as connection:
        for name, day, matched, unmatched in connection.execute(query.group_by(destination.name, m.day)):
            spans = by_name.setdefault(name, [Matches()] * (len(days) + 1))
            at = sum(day >= start.isoformat() for start in days)
            spans[at] = Matches(spans[at].matched + int(matched), spans[at].unmatched + int(unmatched))
    return {name: tuple(spans) for name, spans in sorted(by_name.items())}
