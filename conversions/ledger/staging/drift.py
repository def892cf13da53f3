"""A reading held against what the store knows of the same orders, before anything is staged.

Order numbers of another format would count every sale twice; amounts that mean something else would be measured wrong
for weeks. Both are seen by counting in temporary tables: memory stays flat, and nothing of a refused reading is kept.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from conversions.ledger.states import FORBIDDEN, SENT
from conversions.ledger.store import Ledger, translate_errors
from conversions.model.conversion import Window

ENOUGH = 50
"""Orders; fewer are an odd day, not another format."""
DAYS = 2
AS_MANY = 0.8
"""Unknown ones for each that is gone: some rows are always spoilt, or late."""
MAX_SHARE = 0.5
"""Of the sent orders that are read again."""
ANY, ALIKE = 8, 3
"""So many with another value are another column or status; fewer, where one factor explains them."""


def _listed(words: frozenset[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(map(str, words)))


_PAIRED = f"""
    CREATE TEMP TABLE met AS SELECT destination, sale, day, seen, CASE WHEN again THEN differs END AS differs,
        CASE WHEN again AND differs THEN 1.0 * now / held * scale END factor,
        CASE WHEN again AND differs AND now > 0
            AND (refunded = 0 OR currency <> held_currency OR (now + refunded) * scale <> held) THEN
            1.0 * (now + refunded) / held * scale END gross
    FROM (
        SELECT *, (now, currency, exponent) <> (held, held_currency, held_exponent) AS differs,
            CAST('1e' || (held_exponent - exponent) AS REAL) AS scale FROM (
            SELECT x.destination, x.sale, x.day, s.id IS NOT NULL AS seen,
                d.id IS NOT NULL AND x.value_minor IS NOT NULL AND x.state IN ({_listed(SENT)})
                    AND coalesce(d.reason, '') NOT IN ({_listed(FORBIDDEN)}) AS again,
                d.due_minor AS now, s.currency, s.exponent, s.refunded,
                coalesce(x.due_minor, x.value_minor) AS held,
                iif(x.due_minor IS NULL, x.value_currency, x.stated_currency) AS held_currency,
                iif(x.due_minor IS NULL, x.value_exponent, x.stated_exponent) AS held_exponent
            FROM delivery x JOIN sale a ON a.id = x.sale AND a.shop = ?
            LEFT JOIN temp.order_row s ON s.order_no = a.order_no
            LEFT JOIN temp.place p ON p.destination = x.destination
            LEFT JOIN temp.draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM temp.place) + p.position + 1
            WHERE x.run IN (SELECT id FROM run WHERE until >= ?)
        )
    )
"""
"""Every order that a run over these days has read, and what this reading says of it; ``held`` is what was said last,
``gross`` is by which factor the amount before refunds differs, null where refunds explain all of it."""
_DIFFERING = "SELECT destination, count(*), sum(differs) FROM temp.met WHERE differs IS NOT NULL GROUP BY destination"
_ALIKE = """
    SELECT count(*) FROM temp.met WHERE destination = ?1 AND abs(gross / (
        SELECT gross FROM temp.met WHERE destination = ?1 AND gross IS NOT NULL ORDER BY gross
        LIMIT 1 OFFSET (SELECT count(gross) / 2 FROM temp.met WHERE destination = ?1)
    ) - 1) <= 0.01
"""
"""How many differ by the median factor, within one in a hundred."""
_FACTOR = """
    SELECT factor FROM temp.met WHERE destination = ? AND factor IS NOT NULL ORDER BY factor
    LIMIT 1 OFFSET (SELECT count(factor) / 2 FROM temp.met WHERE destination = ?)
"""


@dataclass(frozen=True, slots=True)
class ValueDrift:
    """Most of the sent orders of one destination that are read again have another value than at their last reading."""

    destination: int
    """The ledger's number."""
    orders: int
    differing: int
    factor: float
    """Median of new by old; 0 where what was due is due no more."""


class ValueComparison:
    """One reading, resolved and not yet staged, beside what the store holds. Takes no lock and writes nothing."""

    def __init__(self, ledger: Ledger, shop: str, window: Window) -> None:
        connection = ledger.connection.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        self._connection, self._shop = connection, shop
        self._days = (window.since.isoformat(), window.until.isoformat())
        with translate_errors():
            connection.execute("DROP TABLE IF EXISTS temp.met")
            connection.execute(_PAIRED, (shop, self._days[0]))

    def drift(self) -> list[ValueDrift]:
        """The destinations for which the amounts look like another column's."""
        return [
            ValueDrift(number, orders, differing, self._factor(number))
            for number, orders, differing in self._rows(_DIFFERING)
            if differing > MAX_SHARE * orders
            and (differing >= ANY or self._alike(number) > max(MAX_SHARE * orders, ALIKE - 1))
        ]

    def _alike(self, destination: int) -> int:
        return int(self._rows(_ALIKE, destination)[0][0])

    def _factor(self, destination: int) -> float:
        found = self._rows(_FACTOR, destination, destination)
        return float(found[0][0]) if found else 0.0

    def _rows(self, query: str, *values: object) -> list[Any]:
        with translate_errors():
            return self._connection.execute(query, values).fetchall()
