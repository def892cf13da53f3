"""Orders of this run that were never sent, and those of them that are withheld because of an unusual amount.

The counting uses temporary tables, before staging: memory use stays flat, and a refused run leaves nothing behind.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS
from conversions.ledger.staging.snapshot import translate_temp_errors
from conversions.ledger.states import SENT, State
from conversions.model.conversion import Reason
from conversions.statistics.magnitudes import Basis, Deviation, magnitude, power

MAX_PAST_ORDERS = 200_000
"""The newest orders of the source, from which the first levels come."""
ATTEMPTED_STATES = sorted({*SENT, State.IN_FLIGHT, State.UNKNOWN, State.REJECTED, State.ERASED})

_TABLES = """
    DROP TABLE IF EXISTS temp.fresh;
    DROP TABLE IF EXISTS temp.far;
    DROP TABLE IF EXISTS temp.past;
    CREATE TEMP TABLE fresh(
        id INTEGER PRIMARY KEY, sale INTEGER, currency TEXT NOT NULL, purchased_us INTEGER NOT NULL,
        magnitude INTEGER NOT NULL, products BLOB NOT NULL,
        withheld INTEGER NOT NULL, reported INTEGER NOT NULL, decided INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX temp.fresh_sale ON fresh(sale) WHERE sale IS NOT NULL;
    CREATE TEMP TABLE far(
        id INTEGER PRIMARY KEY, currency TEXT NOT NULL, power INTEGER NOT NULL, deviation INTEGER NOT NULL,
        basis TEXT NOT NULL, odd INTEGER NOT NULL
    ) STRICT;
    CREATE TEMP TABLE past(
        order_no TEXT PRIMARY KEY, currency TEXT NOT NULL, purchased_us INTEGER NOT NULL, magnitude INTEGER NOT NULL,
        products BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
"""
_DRAFTS = "d.id > (s.id - 1) * (SELECT count(*) FROM temp.place) AND d.id <= s.id * (SELECT count(*) FROM temp.place)"
_SAME_AMOUNT = "x.stated_minor = s.minor AND x.stated_currency = s.currency"
_INSERT_NEW = f"""
    INSERT INTO temp.fresh
    SELECT id, sale, currency, purchased_us, magnitude(minor, exponent), products, withheld, reported,
        decided AND NOT gone
    FROM (
        SELECT s.*, a.id AS sale,
            coalesce(max(x.attempted OR x.revision > 0 OR x.first_attempt_us IS NOT NULL
                OR x.state IN ({", ".join(f"'{state}'" for state in ATTEMPTED_STATES)})), 0) AS gone,
            coalesce(max(x.state = 'withheld' AND x.reason = '{Reason.UNUSUAL_AMOUNT}' AND {_SAME_AMOUNT}), 0)
                AS withheld,
            coalesce(max(x.state = 'withheld' AND x.reason = '{Reason.UNUSUAL_AMOUNT}' AND {_SAME_AMOUNT}
                AND x.settled_run IN (SELECT id FROM run WHERE waiting IS NOT NULL)), 0) AS reported,
            coalesce(max(x.accepted_minor = s.minor AND x.stated_currency = s.currency), 0) AS decided
        FROM temp.order_row s
        LEFT JOIN sale a ON a.shop = ? AND a.order_no = s.order_no
        LEFT JOIN delivery x ON x.id >= a.id << {DESTINATION_BITS}
            AND x.id <= a.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
        WHERE s.minor > 0 AND EXISTS (SELECT 1 FROM temp.draft d WHERE {_DRAFTS} AND d.event IS NOT NULL)
        GROUP BY s.id
    ) WHERE withheld OR NOT gone
"""
"""Orders ready to send that were never sent; for sent orders ``drift`` compares the values."""
_NEW_ORDERS = """
    SELECT id, currency, magnitude, products, withheld, decided FROM temp.fresh ORDER BY currency, purchased_us, id
"""
_PAST = """
    SELECT currency, magnitude, products FROM temp.past p
    WHERE order_no NOT IN (SELECT s.order_no FROM temp.fresh f JOIN temp.order_row s ON s.id = f.id)
    ORDER BY currency, purchased_us, order_no
"""
_DELETE_SURPLUS = f"""
    DELETE FROM temp.past WHERE purchased_us < (
        SELECT purchased_us FROM temp.past ORDER BY purchased_us DESC LIMIT 1 OFFSET {MAX_PAST_ORDERS}
    )
"""
_WITHHOLD = f"""
    UPDATE temp.draft SET reason = '{Reason.UNUSUAL_AMOUNT}', event = NULL
    WHERE event IS NOT NULL AND id IN (
        SELECT (s.id - 1) * (SELECT count(*) FROM temp.place) + p.position + 1
        FROM temp.far f JOIN temp.order_row s ON s.id = f.id CROSS JOIN temp.place p
        LEFT JOIN sale a ON a.shop = ? AND a.order_no = s.order_no
        LEFT JOIN delivery x ON x.id = a.id << {DESTINATION_BITS} | p.destination
        WHERE f.odd AND coalesce(x.accepted_minor <> s.minor OR x.stated_currency <> s.currency, 1)
    )
"""


class NewOrder(NamedTuple):
    """One order that was never sent."""

    id: int
    """The key of its snapshot row."""
    currency: str
    magnitude: int
    products: bytes
    withheld: bool
    """True if an earlier run withheld the order, and its amount is still the same."""
    decided: bool
    """True if a person confirmed the amount."""


class PastOrder(NamedTuple):
    """An order bought earlier, from the history of the source."""

    order_no: str
    currency: str
    purchased_us: int
    magnitude: int
    products: bytes


@contextmanager
def temp_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Group many small writes to temporary tables in one transaction; it does not lock the store."""
    with translate_temp_errors():
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("COMMIT")


def find(connection: sqlite3.Connection, shop: str) -> int:
    """Find the orders of this run that were never sent; return the count."""
    connection.executescript(_TABLES)
    connection.create_function("magnitude", 2, magnitude, deterministic=True)
    return int(connection.execute(_INSERT_NEW, (shop,)).rowcount)


def new_orders(connection: sqlite3.Connection) -> Iterator[NewOrder]:
    """Yield the new orders by currency, then in the order of purchase."""
    yield from map(NewOrder._make, connection.execute(_NEW_ORDERS))


def remember_past(connection: sqlite3.Connection, orders: Iterable[Sequence[PastOrder]]) -> None:
    """Store past orders, in any order; the last row of a number counts."""
    for chunk in orders:
        with temp_transaction(connection):
            connection.executemany("INSERT OR REPLACE INTO temp.past VALUES (?, ?, ?, ?, ?)", chunk)
    connection.execute(_DELETE_SURPLUS)


def past_orders(connection: sqlite3.Connection) -> Iterator[tuple[str, int, bytes]]:
    """Yield currency, magnitude and products of past orders, by currency and purchase; without the new orders."""
    yield from connection.execute(_PAST)


def store_deviations(connection: sqlite3.Connection, deviations: Iterable[tuple[str, Deviation]]) -> None:
    """Store the orders with a large deviation, with their currency."""
    rows = ((d.order, currency, power(d.deviation), d.deviation, d.basis, int(d.odd)) for currency, d in deviations)
    connection.executemany("INSERT INTO temp.far VALUES (?, ?, ?, ?, ?, ?)", rows)


def count_near_power(connection: sqlite3.Connection, currency: str, power_of_ten: int) -> int:
    """Count the orders of this run near this power of ten that no person has confirmed."""
    query = "SELECT count(*) FROM temp.far WHERE currency = ? AND power = ?"
    return int(connection.execute(query, (currency, power_of_ten)).fetchone()[0])


def release(connection: sqlite3.Connection, currency: str, power_of_ten: int) -> None:
    """Do not withhold the orders near this power of ten."""
    connection.execute("UPDATE temp.far SET odd = 0 WHERE currency = ? AND power = ?", (currency, power_of_ten))


def withhold(connection: sqlite3.Connection, shop: str) -> None:
    """Withhold the orders with an unusual amount that no person has confirmed."""
    connection.execute(_WITHHOLD, (shop,))


def count_unreported(connection: sqlite3.Connection) -> dict[tuple[str, int], int]:
    """Count by currency and power of ten the withheld orders that no run has reported."""
    query = """
        SELECT o.currency, o.power, count(*) FROM temp.far o JOIN temp.fresh f ON f.id = o.id
        WHERE o.odd AND NOT f.reported GROUP BY 1, 2
    """
    return {(currency, power_of_ten): orders for currency, power_of_ten, orders in connection.execute(query)}


def far_orders_not_withheld(
    connection: sqlite3.Connection, currency: str, limit: int
) -> Iterator[tuple[bytes, int, Deviation]]:
    """Yield products, magnitude and deviation of the last orders with a large deviation that are not withheld."""
    query = """
        SELECT * FROM (
            SELECT f.products, f.magnitude, o.deviation, o.basis, o.power, f.purchased_us, f.id
            FROM temp.far o JOIN temp.fresh f ON f.id = o.id WHERE o.currency = ? AND NOT o.odd
            ORDER BY f.purchased_us DESC, f.id DESC LIMIT ?
        ) ORDER BY purchased_us, id
    """
    for products, amount, deviation, basis, *_ in connection.execute(query, (currency, limit)):
        yield products, amount, Deviation(deviation, Basis(basis))


@lru_cache(maxsize=10_000)
def basket(products: bytes) -> tuple[bytes, ...]:
    """Return the key of a single product; for several products a key of the combination, then each product."""
    each = tuple(products[at : at + 8] for at in range(0, len(products), 8))
    return each if len(each) == 1 else (blake2b(products, digest_size=8).digest(), *each)
