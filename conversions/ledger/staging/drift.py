"""Compare the values that this run read with the stored values of the same orders, before staging.

If the amounts come from another column, the platforms get wrong values for weeks. The counting uses temporary tables:
memory use stays flat, and a refused run leaves nothing in the store.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from conversions.ledger.states import FORBIDDEN, SENT
from conversions.ledger.store import Ledger, translate_errors
from conversions.model.conversion import Window

MAX_SHARE = 0.5
"""Share of the sent orders that are read again."""
MIN_DIFFERING_ORDERS, MIN_ORDERS_WITH_ONE_FACTOR = 8, 3
"""So many changed values mean another column or status; fewer suffice where one factor explains them."""


def _sql_list(codes: frozenset[str]) -> str:
    return ", ".join(f"'{code}'" for code in sorted(map(str, codes)))


_CREATE_PAIRS = f"""
    CREATE TEMP TABLE met AS SELECT destination, sale, day, seen, CASE WHEN again THEN differs END AS differs,
        CASE WHEN again AND differs THEN 1.0 * now / stored * scale END factor,
        CASE WHEN again AND differs AND now > 0
            AND (refunded = 0 OR currency <> stored_currency OR (now + refunded) * scale <> stored) THEN
            1.0 * (now + refunded) / stored * scale END gross
    FROM (
        SELECT *, (now, currency, exponent) <> (stored, stored_currency, stored_exponent) AS differs,
            CAST('1e' || (stored_exponent - exponent) AS REAL) AS scale FROM (
            SELECT x.destination, x.sale, x.day, s.id IS NOT NULL AS seen,
                d.id IS NOT NULL AND x.value_minor IS NOT NULL AND x.state IN ({_sql_list(SENT)})
                    AND coalesce(d.reason, '') NOT IN ({_sql_list(FORBIDDEN)}) AS again,
                d.due_minor AS now, s.currency, s.exponent, s.refunded,
                coalesce(x.due_minor, x.value_minor) AS stored,
                iif(x.due_minor IS NULL, x.value_currency, x.stated_currency) AS stored_currency,
                iif(x.due_minor IS NULL, x.value_exponent, x.stated_exponent) AS stored_exponent
            FROM delivery x JOIN sale a ON a.id = x.sale AND a.shop = ?
            LEFT JOIN temp.order_row s ON s.order_no = a.order_no
            LEFT JOIN temp.place p ON p.destination = x.destination
            LEFT JOIN temp.draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM temp.place) + p.position + 1
            WHERE x.run IN (SELECT id FROM run WHERE until >= ?)
        )
    )
"""
"""Every order that a run over these days has read, with its value in this run; ``stored`` is the last stored value,
``gross`` the factor by which the amount before refunds differs, null where refunds explain the whole difference."""
_DIFFERING = "SELECT destination, count(*), sum(differs) FROM temp.met WHERE differs IS NOT NULL GROUP BY destination"
_WITH_MEDIAN_FACTOR = """
    SELECT count(*) FROM temp.met WHERE destination = ?1 AND abs(gross / (
        SELECT gross FROM temp.met WHERE destination = ?1 AND gross IS NOT NULL ORDER BY gross
        LIMIT 1 OFFSET (SELECT count(gross) / 2 FROM temp.met WHERE destination = ?1)
    ) - 1) <= 0.01
"""
"""Counts the orders that differ by the median factor, within one percent."""
_MEDIAN_FACTOR = """
    SELECT factor FROM temp.met WHERE destination = ? AND factor IS NOT NULL ORDER BY factor
    LIMIT 1 OFFSET (SELECT count(factor) / 2 FROM temp.met WHERE destination = ?)
"""


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

    def __init__(self, ledger: Ledger, shop: str, window: Window) -> None:
        connection = ledger.connection.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        self._connection = connection
        self._days = (window.since.isoformat(), window.until.isoformat())
        with translate_errors():
            connection.execute("DROP TABLE IF EXISTS temp.met")
            connection.execute(_CREATE_PAIRS, (shop, self._days[0]))

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
        rows = self._rows(_MEDIAN_FACTOR, destination, destination)
        return float(rows[0][0]) if rows else 0.0

    def _rows(self, query: str, *values: object) -> list[Any]:
        with translate_errors():
            return self._connection.execute(query, values).fetchall()
