"""Compare the values that this run read with the stored values of the same orders, before staging.

If the amounts come from another column, the platforms get wrong values for weeks. The counting uses temporary tables:
memory use stays flat, and a refused run leaves nothing in the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text

from conversions.ledger.schema.tables import DESTINATION_BITS
from conversions.ledger.standing.readings import is_read, runs_since, select_spans
from conversions.ledger.states import FORBIDDEN, SENT
from conversions.ledger.store import Ledger
from conversions.model.conversion import Window

MAX_SHARE = 0.5
"""Share of the sent orders that are read again."""
MIN_DIFFERING_ORDERS, MIN_ORDERS_WITH_ONE_FACTOR = 8, 3
"""So many changed values mean another column or status; fewer suffice where one factor explains them."""


def _sql_list(codes: frozenset[str]) -> str:
    return ", ".join(f"'{code}'" for code in sorted(map(str, codes)))


_COMPARED = f"""
    SELECT x.destination, d.due_minor AS now, s.currency, s.exponent, s.refunded,
        coalesce(x.due_minor, x.value_minor) AS stored,
        CASE WHEN x.due_minor IS NULL THEN x.value_currency ELSE x.stated_currency END AS stored_currency,
        CASE WHEN x.due_minor IS NULL THEN x.value_exponent ELSE x.stated_exponent END AS stored_exponent
    FROM known_row n CROSS JOIN order_row s CROSS JOIN place p
    JOIN draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM place) + p.position + 1
    JOIN delivery x ON x.id = n.sale << {DESTINATION_BITS} | p.destination
    WHERE n.unchanged = 0 AND s.id = n.id AND {is_read("n.sale")} AND x.value_minor IS NOT NULL
    AND x.state IN ({_sql_list(SENT)}) AND coalesce(d.reason, '') NOT IN ({_sql_list(FORBIDDEN)})
"""
_CREATE_COMPARED = text(f"""
    CREATE TEMP TABLE compared AS SELECT destination, differs,
        CASE WHEN differs = 1 THEN 1.0 * now / nullif(stored, 0) * scale END AS factor,
        CASE WHEN differs = 1 AND now > 0
            AND (refunded = 0 OR currency <> stored_currency OR (now + refunded) * scale <> stored) THEN
            1.0 * (now + refunded) / nullif(stored, 0) * scale END AS gross
    FROM (
        SELECT sent.*, CASE WHEN (now, currency, exponent) <> (stored, stored_currency, stored_exponent) THEN 1
            ELSE 0 END AS differs,
            CAST('1e' || (stored_exponent - exponent) AS DOUBLE PRECISION) AS scale FROM ({_COMPARED}) sent
    ) paired
""")
"""Every sent order that a run over these days has read and that is read again, unless its row is unchanged, with its
value in this run; ``stored`` is the last stored value, ``gross`` the factor by which the amount before refunds differs,
null where refunds explain the whole difference."""
_UNCHANGED = text(f"SELECT count(*) FROM known_row n WHERE n.unchanged = 1 AND {is_read('n.sale')}")
_DIFFERING = text("""
    SELECT p.destination, :unchanged + count(c.differs), coalesce(sum(c.differs), 0)
    FROM place p LEFT JOIN compared c ON c.destination = p.destination GROUP BY 1
""")
_WITH_MEDIAN_FACTOR = text("""
    SELECT count(*) FROM compared WHERE destination = :destination AND abs(gross / (
        SELECT gross FROM compared WHERE destination = :destination AND gross IS NOT NULL ORDER BY gross
        LIMIT 1 OFFSET (SELECT count(gross) / 2 FROM compared WHERE destination = :destination)
    ) - 1) <= 0.01
""")
"""Counts the orders that differ by the median factor, within one percent."""
_MEDIAN_FACTOR = text("""
    SELECT factor FROM compared WHERE destination = :destination AND factor IS NOT NULL ORDER BY factor
    LIMIT 1 OFFSET (SELECT count(factor) / 2 FROM compared WHERE destination = :destination)
""")


@dataclass(frozen=True, slots=True)
class ValueDrift:
    """Most sent orders of one destination that were read again have another value than before."""

    destination: int
    """The destination id in the ledger."""
    orders: int
    differing: int
    factor: float
    """Median of new value by old value; 0 where nothing is due any more."""


class ValueComparison:
    """The snapshot of one run compared with the store, before staging. Takes no lock and writes nothing."""

    def __init__(self, ledger: Ledger, window: Window) -> None:
        self._ledger = ledger
        with ledger.temporary() as connection:
            connection.execute(text("DROP TABLE IF EXISTS compared"))
            select_spans(connection, runs_since(connection, window.since))
            connection.execute(_CREATE_COMPARED)
            self._unchanged = int(connection.execute(_UNCHANGED).scalar_one())

    def drift(self) -> list[ValueDrift]:
        """Return the destinations where the amounts seem to come from another column."""
        return [
            ValueDrift(number, orders, differing, self._factor(number))
            for number, orders, differing in self._rows(_DIFFERING)
            if differing > MAX_SHARE * orders
            and (
                differing >= MIN_DIFFERING_ORDERS
                or self._with_one_factor(number) > max(MAX_SHARE * orders, MIN_ORDERS_WITH_ONE_FACTOR - 1)
            )
        ]

    def _with_one_factor(self, destination: int) -> int:
        return int(self._rows(_WITH_MEDIAN_FACTOR, destination)[0][0])

    def _factor(self, destination: int) -> float:
        rows = self._rows(_MEDIAN_FACTOR, destination)
        return float(rows[0][0]) if rows else 0.0

    def _rows(self, query: TextClause, destination: int | None = None) -> Sequence[Any]:
        with self._ledger.temporary() as connection:
            return connection.execute(query, {"destination": destination, "unchanged": self._unchanged}).all()
