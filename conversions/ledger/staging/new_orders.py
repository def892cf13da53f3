"""Orders of this run that were never sent, and those of them that are withheld because of an unusual amount.

The counting uses temporary tables, before staging: memory use stays flat, and a refused run leaves nothing behind.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause, insert, text

from conversions.ledger.schema.sql import deliveries_of
from conversions.ledger.schema.tables import DESTINATION_BITS
from conversions.ledger.schema.views import standing
from conversions.ledger.staging import temporary_tables
from conversions.ledger.states import SENT, State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason
from conversions.statistics.magnitudes import Basis, Deviation, magnitude, power

MAX_PAST_ORDERS = 200_000
"""The newest orders of the source, from which the first levels come."""
ROWS_PER_PAGE = 1_000
ATTEMPTED_STATES = sorted({*SENT, State.IN_FLIGHT, State.UNKNOWN, State.REJECTED, State.ERASED})

_DRAFTS = "d.id > (s.id - 1) * (SELECT count(*) FROM place) AND d.id <= s.id * (SELECT count(*) FROM place)"
_SAME_AMOUNT = "x.stated_minor = s.minor AND x.stated_currency = s.currency"
_GONE = f"""b.request IS NOT NULL OR b.state <> 'pending' OR x.attempted <> 0 OR x.revision > 0
                OR x.first_attempt_us IS NOT NULL
                OR x.state IN ({", ".join(f"'{state}'" for state in ATTEMPTED_STATES)})"""
_WITHHELD = f"x.state = 'withheld' AND x.reason = '{Reason.UNUSUAL_AMOUNT}' AND {_SAME_AMOUNT}"


def _any(condition: str) -> str:
    """SQL: 1 where *condition* is true of a row of the group, else 0."""
    return f"max(CASE WHEN {condition} THEN 1 ELSE 0 END)"


_INSERT_NEW = text(f"""
    INSERT INTO new_order(id, sale, currency, purchased_us, minor, exponent, products, withheld, reported, decided)
    SELECT id, sale, currency, purchased_us, minor, exponent, products, withheld, reported,
        CASE WHEN decided = 1 AND gone = 0 THEN 1 ELSE 0 END
    FROM (
        SELECT s.id, s.currency, s.purchased_us, s.minor, s.exponent, s.products, max(a.id) AS sale,
            {_any(_GONE)} AS gone,
            {_any(_WITHHELD)} AS withheld,
            {_any(f"{_WITHHELD} AND x.settled_run IN (SELECT id FROM run WHERE waiting IS NOT NULL)")} AS reported,
            {_any("x.accepted_minor = s.minor AND x.stated_currency = s.currency")} AS decided
        FROM order_row s LEFT JOIN known_row n ON n.id = s.id LEFT JOIN sale a ON a.id = n.sale
        {standing(deliveries_of("a.id"))}
        WHERE coalesce(n.unchanged, 0) = 0 AND s.minor > 0
        AND EXISTS (SELECT 1 FROM draft d WHERE {_DRAFTS} AND d.event IS NOT NULL)
        GROUP BY s.id
    ) judged WHERE withheld = 1 OR gone = 0
""")
"""Orders ready to send that were never sent; for sent orders ``drift`` compares the values."""
_NEW_ORDERS = text("""
    SELECT id, currency, minor, exponent, products, withheld, decided FROM new_order ORDER BY currency, purchased_us, id
""")
_INSERT_PAST = text("""
    INSERT INTO past_order(order_no, currency, purchased_us, magnitude, products)
    VALUES (:order_no, :currency, :purchased_us, :magnitude, :products)
    ON CONFLICT (order_no) DO UPDATE SET currency = excluded.currency, purchased_us = excluded.purchased_us,
    magnitude = excluded.magnitude, products = excluded.products
""")
_PAST = text("""
    SELECT currency, magnitude, products FROM past_order p
    WHERE order_no NOT IN (SELECT s.order_no FROM new_order f JOIN order_row s ON s.id = f.id)
    ORDER BY currency, purchased_us, order_no
""")
_DELETE_SURPLUS = text(f"""
    DELETE FROM past_order WHERE purchased_us < (
        SELECT purchased_us FROM past_order ORDER BY purchased_us DESC LIMIT 1 OFFSET {MAX_PAST_ORDERS}
    )
""")
_WITHHOLD = text(f"""
    UPDATE draft SET reason = '{Reason.UNUSUAL_AMOUNT}', event = NULL
    WHERE event IS NOT NULL AND id IN (
        SELECT (s.id - 1) * (SELECT count(*) FROM place) + p.position + 1
        FROM large_deviation f JOIN order_row s ON s.id = f.id CROSS JOIN place p
        LEFT JOIN known_row n ON n.id = s.id
        LEFT JOIN exception x ON x.id = n.sale << {DESTINATION_BITS} | p.destination
        WHERE f.odd <> 0 AND coalesce(x.accepted_minor <> s.minor OR x.stated_currency <> s.currency, 1 = 1)
    )
""")
_NEAR_POWER = text("SELECT count(*) FROM large_deviation WHERE currency = :currency AND power = :power")
_RELEASE = text("UPDATE large_deviation SET odd = 0 WHERE currency = :currency AND power = :power")
_UNREPORTED = text("""
    SELECT o.currency, o.power, count(*) FROM large_deviation o JOIN new_order f ON f.id = o.id
    WHERE o.odd <> 0 AND f.reported = 0 GROUP BY 1, 2
""")
_FAR_NOT_WITHHELD = text("""
    SELECT * FROM (
        SELECT f.products, f.minor, f.exponent, o.deviation, o.basis, o.power, f.purchased_us, f.id
        FROM large_deviation o JOIN new_order f ON f.id = o.id WHERE o.currency = :currency AND o.odd = 0
        ORDER BY f.purchased_us DESC, f.id DESC LIMIT :most
    ) newest ORDER BY purchased_us, id
""")


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


def find(connection: Connection) -> int:
    """Find the orders of this run that were never sent; return the count. All in the caller's transaction."""
    temporary_tables.create(connection)
    return int(connection.execute(_INSERT_NEW).rowcount)


def new_orders(connection: Connection) -> Iterator[NewOrder]:
    """Yield the new orders by currency, then in the order of purchase."""
    for number, currency, minor, exponent, products, withheld, decided in _stream(connection, _NEW_ORDERS):
        yield NewOrder(number, currency, magnitude(minor, exponent), products, bool(withheld), bool(decided))


def remember_past(ledger: Ledger, orders: Iterable[Sequence[PastOrder]]) -> None:
    """Store past orders, in any order; the last row of a number counts."""
    for chunk in orders:
        if chunk:
            with ledger.temporary() as connection:
                connection.execute(_INSERT_PAST, [order._asdict() for order in chunk])
    with ledger.temporary() as connection:
        connection.execute(_DELETE_SURPLUS)


def past_orders(connection: Connection) -> Iterator[tuple[str, int, bytes]]:
    """Yield currency, magnitude and products of past orders, by currency and purchase; without the new orders."""
    yield from map(tuple, _stream(connection, _PAST))


def store_deviations(connection: Connection, deviations: Iterable[tuple[str, Deviation]]) -> None:
    """Store the orders with a large deviation, with their currency."""
    rows = ((d.order, currency, power(d.deviation), d.deviation, d.basis, int(d.odd)) for currency, d in deviations)
    names = temporary_tables.large_deviation.c.keys()
    while page := [dict(zip(names, row, strict=True)) for row in islice(rows, ROWS_PER_PAGE)]:
        connection.execute(insert(temporary_tables.large_deviation), page)


def count_near_power(connection: Connection, currency: str, power_of_ten: int) -> int:
    """Count the orders of this run near this power of ten that no person has confirmed."""
    return int(connection.execute(_NEAR_POWER, {"currency": currency, "power": power_of_ten}).scalar_one())


def release(connection: Connection, currency: str, power_of_ten: int) -> None:
    """Do not withhold the orders near this power of ten."""
    connection.execute(_RELEASE, {"currency": currency, "power": power_of_ten})


def withhold(connection: Connection) -> None:
    """Withhold the orders with an unusual amount that no person has confirmed."""
    connection.execute(_WITHHOLD)


def count_unreported(connection: Connection) -> dict[tuple[str, int], int]:
    """Count by currency and power of ten the withheld orders that no run has reported."""
    return {(currency, power_of_ten): orders for currency, power_of_ten, orders in connection.execute(_UNREPORTED)}


def far_orders_not_withheld(
    connection: Connection, currency: str, limit: int
) -> Iterator[tuple[bytes, int, Deviation]]:
    """Yield products, magnitude and deviation of the last orders with a large deviation that are not withheld."""
    rows = connection.execute(_FAR_NOT_WITHHELD, {"currency": currency, "most": limit})
    for products, minor, exponent, deviation, basis, *_ in rows:
        yield products, magnitude(minor, exponent), Deviation(deviation, Basis(basis))


def _stream(connection: Connection, query: TextClause) -> Iterator[Any]:
    return iter(connection.execute(query.execution_options(yield_per=ROWS_PER_PAGE)))


@lru_cache(maxsize=10_000)
def basket(products: bytes) -> tuple[bytes, ...]:
    """Return the key of a single product; for several products a key of the combination, then each product."""
    each = tuple(products[at : at + 8] for at in range(0, len(products), 8))
    return each if len(each) == 1 else (blake2b(products, digest_size=8).digest(), *each)
