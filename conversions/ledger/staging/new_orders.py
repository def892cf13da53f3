"""The orders of a reading that were never sent, and those of them that are held back for what they cost.

Counted in temporary tables, before anything is staged: memory stays flat, and nothing of a refused reading is kept.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS
from conversions.ledger.staging.snapshot import room
from conversions.ledger.states import SENT, State
from conversions.model.conversion import Reason
from conversions.statistics.magnitudes import Basis, Deviation, magnitude, power

PAST = 200_000
"""Orders of the source from which the first levels come; the newest."""
GONE = sorted({*SENT, State.IN_FLIGHT, State.UNKNOWN, State.REJECTED, State.ERASED})

_SCHEMA = """
    DROP TABLE IF EXISTS temp.fresh;
    DROP TABLE IF EXISTS temp.far;
    DROP TABLE IF EXISTS temp.past;
    CREATE TEMP TABLE fresh(
        id INTEGER PRIMARY KEY, sale INTEGER, currency TEXT NOT NULL, purchased_us INTEGER NOT NULL,
        magnitude INTEGER NOT NULL, products BLOB NOT NULL,
        held INTEGER NOT NULL, told INTEGER NOT NULL, decided INTEGER NOT NULL
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
_SAME = "x.stated_minor = s.minor AND x.stated_currency = s.currency"
_FIND = f"""
    INSERT INTO temp.fresh
    SELECT id, sale, currency, purchased_us, magnitude(minor, exponent), products, held, told, decided AND NOT gone
    FROM (
        SELECT s.*, a.id AS sale,
            coalesce(max(x.attempted OR x.revision > 0 OR x.first_attempt_us IS NOT NULL
                OR x.state IN ({", ".join(f"'{state}'" for state in GONE)})), 0) AS gone,
            coalesce(max(x.state = 'withheld' AND x.reason = '{Reason.UNUSUAL_AMOUNT}' AND {_SAME}), 0) AS held,
            coalesce(max(x.state = 'withheld' AND x.reason = '{Reason.UNUSUAL_AMOUNT}' AND {_SAME}
                AND x.settled_run IN (SELECT id FROM run WHERE waiting IS NOT NULL)), 0) AS told,
            coalesce(max(x.accepted_minor = s.minor AND x.stated_currency = s.currency), 0) AS decided
        FROM temp.order_row s
        LEFT JOIN sale a ON a.shop = ? AND a.order_no = s.order_no
        LEFT JOIN delivery x ON x.id >= a.id << {DESTINATION_BITS}
            AND x.id <= a.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
        WHERE s.minor > 0 AND EXISTS (SELECT 1 FROM temp.draft d WHERE {_DRAFTS} AND d.event IS NOT NULL)
        GROUP BY s.id
    ) WHERE held OR NOT gone
"""
"""Never sent anywhere, and ready to be: what was sent is held against what was sent."""
_FRESH = """
    SELECT id, currency, magnitude, products, held, decided FROM temp.fresh ORDER BY currency, purchased_us, id
"""
_PAST = """
    SELECT currency, magnitude, products FROM temp.past p
    WHERE order_no NOT IN (SELECT s.order_no FROM temp.fresh f JOIN temp.order_row s ON s.id = f.id)
    ORDER BY currency, purchased_us, order_no
"""
_TOO_MANY = f"""
    DELETE FROM temp.past WHERE purchased_us < (
        SELECT purchased_us FROM temp.past ORDER BY purchased_us DESC LIMIT 1 OFFSET {PAST}
    )
"""
_WITHHOLD = f"""
    UPDATE temp.draft SET reason = '{Reason.UNUSUAL_AMOUNT}', wire_id = NULL, salt = NULL, event = NULL
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
    """Of its sighting."""
    currency: str
    magnitude: int
    products: bytes
    held: bool
    """An earlier night held it back, and it costs the same still."""
    decided: bool
    """A person has said that its amount is right."""


class PastOrder(NamedTuple):
    """An order that was bought before."""

    order_no: str
    currency: str
    purchased_us: int
    magnitude: int
    products: bytes


@contextmanager
def together(connection: sqlite3.Connection) -> Iterator[None]:
    """Many small writes to temporary tables, and reads of the store beside them, at once; nobody is locked out."""
    with room():
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("COMMIT")


def find(connection: sqlite3.Connection, shop: str) -> int:
    """Look for the orders of this reading that were never sent; how many they are."""
    connection.executescript(_SCHEMA)
    connection.create_function("magnitude", 2, magnitude, deterministic=True)
    return int(connection.execute(_FIND, (shop,)).rowcount)


def new_orders(connection: sqlite3.Connection) -> Iterator[NewOrder]:
    """By currency, and there as they were bought."""
    yield from map(NewOrder._make, connection.execute(_FRESH))


def remember_past(connection: sqlite3.Connection, orders: Iterable[Sequence[PastOrder]]) -> None:
    """Take in orders that were bought before, in any order; of one number the last stays."""
    for chunk in orders:
        with together(connection):
            connection.executemany("INSERT OR REPLACE INTO temp.past VALUES (?, ?, ?, ?, ?)", chunk)
    connection.execute(_TOO_MANY)


def past_orders(connection: sqlite3.Connection) -> Iterator[tuple[str, int, bytes]]:
    """Currency, magnitude and products, by currency, and there as they were bought; without what is to be judged."""
    yield from connection.execute(_PAST)


def mark(connection: sqlite3.Connection, marks: Iterable[tuple[str, Deviation]]) -> None:
    """Keep what lies far out, with its currency."""
    rows = ((m.order, currency, power(m.deviation), m.deviation, m.basis, int(m.odd)) for currency, m in marks)
    connection.executemany("INSERT INTO temp.far VALUES (?, ?, ?, ?, ?, ?)", rows)


def near_shift(connection: sqlite3.Connection, currency: str, wanted: int) -> int:
    """How many orders of this reading lie near this power of ten, and no person has decided on them."""
    query = "SELECT count(*) FROM temp.far WHERE currency = ? AND power = ?"
    return int(connection.execute(query, (currency, wanted)).fetchone()[0])


def release(connection: sqlite3.Connection, currency: str, wanted: int) -> None:
    """Hold back none of those near this power of ten."""
    connection.execute("UPDATE temp.far SET odd = 0 WHERE currency = ? AND power = ?", (currency, wanted))


def withhold(connection: sqlite3.Connection, shop: str) -> None:
    """Hold back what is odd, wherever no person has said that its amount is right."""
    connection.execute(_WITHHOLD, (shop,))


def unusual(connection: sqlite3.Connection) -> dict[tuple[str, int], int]:
    """By currency and power of ten: how many are held back alone that no run has told yet."""
    query = """
        SELECT o.currency, o.power, count(*) FROM temp.far o JOIN temp.fresh f ON f.id = o.id
        WHERE o.odd AND NOT f.told GROUP BY 1, 2
    """
    return {(currency, far): orders for currency, far, orders in connection.execute(query)}


def sent(connection: sqlite3.Connection, currency: str, most: int) -> Iterator[tuple[bytes, int, Deviation]]:
    """The last *most* that lay far out and were not held back, as they were bought: products, magnitude, mark."""
    query = """
        SELECT * FROM (
            SELECT f.products, f.magnitude, o.deviation, o.basis, o.power, f.purchased_us, f.id
            FROM temp.far o JOIN temp.fresh f ON f.id = o.id WHERE o.currency = ? AND NOT o.odd
            ORDER BY f.purchased_us DESC, f.id DESC LIMIT ?
        ) ORDER BY purchased_us, id
    """
    for products, amount, deviation, basis, *_ in connection.execute(query, (currency, most)):
        yield products, amount, Deviation(deviation, Basis(basis))


@lru_cache(maxsize=10_000)
def basket(products: bytes) -> tuple[bytes, ...]:
    """One product alone; of several what they are together, and then each of them."""
    each = tuple(products[at : at + 8] for at in range(0, len(products), 8))
    return each if len(each) == 1 else (blake2b(products, digest_size=8).digest(), *each)
