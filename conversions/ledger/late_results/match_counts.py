"""How many orders a platform matched to an ad, of those that it has spoken of: figures by purchase day, no persons."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.store import Ledger

_COUNT = text(f"""
    INSERT INTO match_day(destination, day, matched, unmatched)
    SELECT d.destination, d.day, count(*) FILTER (WHERE d.state = 'recorded'),
        count(*) FILTER (WHERE d.state = 'unmatched')
    FROM request_event x JOIN delivery d ON d.id = x.event >> {REVISION_BITS}
    WHERE x.request = :request AND x.event = d.id << {REVISION_BITS} | d.revision
    AND d.state IN ('recorded', 'unmatched')
    AND NOT EXISTS (SELECT 1 FROM revision v WHERE v.id = x.event)
    GROUP BY d.destination, d.day
    ON CONFLICT (destination, day) DO UPDATE
    SET matched = matched + excluded.matched, unmatched = unmatched + excluded.unmatched
""")
"""A request is concluded once; a restated value says nothing new of its order."""


class Matches(NamedTuple):
    """So many of the orders that the platform has spoken of."""

    matched: int = 0
    unmatched: int = 0

    @property
    def orders(self) -> int:
        """All of them."""
        return self.matched + self.unmatched

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None where there are none."""
        return self.matched / self.orders if self.orders else None


def count(connection: Connection, request: int) -> None:
    """Add what has just been concluded of *request*, in the caller's transaction."""
    connection.execute(_COUNT, {"request": request})


def since(ledger: Ledger, days: tuple[date, ...]) -> dict[str, tuple[Matches, ...]]:
    """By destination the orders bought before the first of *days* (rising), between each two, and since the last."""
    m, place = tables.match_day.c, tables.destination.c
    query = select(place.name, m.day, func.sum(m.matched), func.sum(m.unmatched)).join(
        tables.match_day, place.id == m.destination
    )
    found: dict[str, list[Matches]] = {}
    with ledger.transaction() as connection:
        for name, day, matched, unmatched in connection.execute(query.group_by(place.name, m.day)):
            spans = found.setdefault(name, [Matches()] * (len(days) + 1))
            at = sum(day >= one.isoformat() for one in days)
            spans[at] = Matches(spans[at].matched + matched, spans[at].unmatched + unmatched)
    return {name: tuple(spans) for name, spans in sorted(found.items())}
