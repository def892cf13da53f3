"""Sums of the orders that a run read, by SQL over the ledger: the right side of the balance (I7)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, POSITION_BITS
from conversions.ledger.schema.views import POSITION, late_state
from conversions.ledger.standing.readings import in_spans, select_spans
from conversions.ledger.states import State
from conversions.ledger.store import Ledger

_SUMS = """
    count(*) AS orders, CAST(sum({0} >> 32) AS BIGINT) AS high, CAST(sum({0} & 4294967295) AS BIGINT) AS low
"""
"""Money in two parts, because the sum of a misread column may not fit 64 bits."""
_REGULAR = text_with_lists(
    f"""
    WITH placed AS MATERIALIZED (
        SELECT k.id & {MAX_DESTINATIONS - 1} AS destination, k.place >> {POSITION_BITS} AS batch,
        CASE WHEN v.verdicts IS NULL THEN '' ELSE substr(v.verdicts, {POSITION} + 1, 1) END AS letter, a.currency,
        a.exponent, a.minor
        FROM sale_span r CROSS JOIN delivery_place k JOIN sale a ON a.id = k.id >> {DESTINATION_BITS}
        JOIN batch v ON v.id = k.place >> {POSITION_BITS} WHERE {in_spans("k.id")}
    )
    SELECT g.destination, {late_state("g.letter")} AS state,
    CASE WHEN b.settled_run = :run THEN 1 ELSE 0 END AS now, NULL AS reason, b.day,
    g.currency AS stated_currency, g.exponent AS stated_exponent, 0 AS differs, g.orders, g.high, g.low FROM (
        SELECT destination, batch, letter, currency, exponent, {_SUMS.format("minor")} FROM placed
        GROUP BY 1, 2, 3, 4, 5
    ) g JOIN batch b ON b.id = g.batch WHERE g.destination IN :destinations
""",
    "destinations",
)
"""What stands as its batch says: summed by batch first, which is how it is stored. Materialised, because SQLite would
carry the verdicts of a whole batch along with each of its orders while it sorts.
"""
_READ_EXCEPTIONS = f"""
    FROM sale_span r CROSS JOIN exception x
    WHERE {in_spans("x.id")} AND x.id & {MAX_DESTINATIONS - 1} IN :destinations
"""
_EXCEPTIONS = text_with_lists(
    f"""
    SELECT x.id & {MAX_DESTINATIONS - 1} AS destination, x.state,
    CASE WHEN x.settled_run = :run THEN 1 ELSE 0 END AS now, x.reason, x.day, x.stated_currency, x.stated_exponent,
    CASE WHEN x.due_minor IS NOT NULL AND (x.value_minor <> x.due_minor
        OR x.value_currency <> x.stated_currency OR x.value_exponent <> x.stated_exponent) THEN 1 ELSE 0 END AS differs,
    {_SUMS.format("x.stated_minor")} {_READ_EXCEPTIONS} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
""",
    "destinations",
)
_ERASED = text_with_lists(
    f"""
    SELECT d.destination, d.state, 0 AS now, d.reason, d.day, s.currency AS stated_currency,
    s.exponent AS stated_exponent, 0 AS differs, {_SUMS.format("s.minor")}
    FROM (
        SELECT x.id >> {DESTINATION_BITS} AS sale, x.id & {MAX_DESTINATIONS - 1} AS destination, x.state, x.reason,
        x.day {_READ_EXCEPTIONS} AND x.state = '{State.ERASED}'
    ) d JOIN sale a ON a.id = d.sale JOIN order_row s ON s.order_no = a.order_no GROUP BY 1, 2, 4, 5, 6, 7
""",
    "destinations",
)
"""The ledger no longer stores the value of an erased order; this run has read it again."""


def groups_of(ledger: Ledger, run: int, destinations: Sequence[int]) -> Sequence[Row[Any]]:
    """Sum orders and money (in two halves) by destination, state, reason, day, currency, and whether they changed."""
    with ledger.transaction() as connection:
        select_spans(connection, [run])
        read = {"run": run, "destinations": destinations}
        groups = [*connection.execute(_REGULAR, read).all(), *connection.execute(_EXCEPTIONS, read).all()]
        if any(group.state == State.ERASED for group in groups):
            groups = [group for group in groups if group.state != State.ERASED]
            groups += connection.execute(_ERASED, {"destinations": destinations}).all()
        return groups
