"""Control totals of a store, before a migration from its old tables, and after it from its new ones."""

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Executable, select, text

from conversions.ledger import schema
from conversions.ledger.batches.contents import read
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.tables import MAX_DESTINATIONS, REVISION_BITS

Key = tuple[Any, ...]

_ORDERS = text("""
    SELECT destination, state, stated_currency, stated_exponent, value_currency, value_exponent, count(*),
    sum(stated_minor >> 32), sum(stated_minor & 4294967295), sum(value_minor >> 32), sum(value_minor & 4294967295)
    FROM delivery GROUP BY 1, 2, 3, 4, 5, 6
""")
"""Sums in two parts, because the sum of a misread column may not fit 64 bits."""
_STATES_BEFORE = text("""
    SELECT d.destination, d.state, count(*) FROM event e LEFT JOIN delivery d ON d.id = e.id >> :bits GROUP BY 1, 2
""")
_STATES_AFTER = text(f"""
    SELECT {views.columns("destination", "state")}, count(*)
    FROM event e {views.standing("= e.id >> :bits")} GROUP BY 1, 2
""")
_REQUESTS_BEFORE = text("SELECT request, count(*) FROM request_event GROUP BY request")
_REQUESTS = text("SELECT request, sum(events) FROM request_part GROUP BY request")
_PAYLOADS_BEFORE = text("""
    SELECT e.id >> :bits & :most, count(*), sum(length(e.bytes)) FROM event e
    WHERE e.bytes IS NOT NULL AND e.salt IS NOT NULL GROUP BY 1
""")
_BATCHES = select(tables.batch.c.id, tables.batch.c.destination).order_by(tables.batch.c.id)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a migration must keep."""

    orders: Counter[Key]
    """Rows of orders and their money, by destination, state and currency."""
    events: Counter[Key]
    """Events, by destination and state of their order."""
    requests: Counter[Key]
    """Requests, by number and number of events."""
    payloads: Counter[Key]
    """Events whose bytes are there, and the number of bytes, by destination."""


def before(connection: Connection) -> Totals:
    """Return the totals of a store with an older schema."""
    orders, events = _rows(connection, _ORDERS), _rows(connection, _STATES_BEFORE.bindparams(bits=REVISION_BITS))
    if schema.current(connection) >= schema.SEALED_SINCE:
        return Totals(orders, events, _rows(connection, _REQUESTS), _payloads(connection))
    payloads = _PAYLOADS_BEFORE.bindparams(bits=REVISION_BITS, most=MAX_DESTINATIONS - 1)
    return Totals(orders, events, _rows(connection, _REQUESTS_BEFORE), _rows(connection, payloads))


def after(connection: Connection) -> Totals:
    """Return the totals of a store with this program's schema."""
    orders, events = _rows(connection, _ORDERS), _rows(connection, _STATES_AFTER.bindparams(bits=REVISION_BITS))
    return Totals(orders, events, _rows(connection, _REQUESTS), _payloads(connection))


def differences(one: Totals, other: Totals) -> list[str]:
    """Return which totals differ, by name."""
    return [field.name for field in fields(Totals) if getattr(one, field.name) != getattr(other, field.name)]


def _rows(connection: Connection, query: Executable) -> Counter[Key]:
    return Counter(tuple(row) for row in connection.execute(query))


def _payloads(connection: Connection) -> Counter[Key]:
    """Read every batch, as the program will."""
    events, sizes = Counter[int](), Counter[int]()
    for batch, destination in connection.execute(_BATCHES).all():
        bodies = list(filter(None, read(connection, [batch])[batch].bodies))
        events[destination] += len(bodies)
        sizes[destination] += sum(map(len, bodies))
    return Counter(
        (destination, events[destination], sizes[destination]) for destination in events if events[destination]
    )
