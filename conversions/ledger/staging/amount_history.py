"""Usual amounts per product and shop: figures without personal data, updated by the orders of each run."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, delete, insert, select, text

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import MAX_LISTED, pages_of, text_with_lists
from conversions.ledger.store import Ledger
from conversions.statistics.magnitudes import AmountLevel, Basis, Deviation, Spread, unpack
from conversions.statistics.price_levels import PRODUCT_LEVEL_ORDERS, SHOP_LEVEL_ORDERS, PriceLevels

MAX_CACHED_LEVELS = 20_000
"""Product levels in memory; the others are in a temporary table."""
MAX_STORED_LEVELS = 50_000
"""Product levels in the store; the products that were not sold for the longest time are deleted first."""
LEVEL_RETENTION = timedelta(days=400)
ORDERS_PER_PAGE = 1_000
_SHOP = b""
T = TypeVar("T")

_LEVELS = text_with_lists(
    """
    SELECT 1 AS place, product, amounts FROM level WHERE currency = :currency AND product IN :products
    UNION ALL SELECT 2, product, amounts FROM new_level WHERE currency = :currency AND product IN :products ORDER BY 1
    """,
    "products",
)
"""A level that this run has changed comes after the one in the store."""
_ADD_LEVEL = text("""
    INSERT INTO new_level(currency, product, amounts) VALUES (:currency, :product, :amounts)
    ON CONFLICT (currency, product) DO UPDATE SET amounts = excluded.amounts
""")
_SPREAD = text("SELECT basis, tenths, orders FROM deviation WHERE currency = :currency")
_LATEST = text("""
    SELECT deviation, basis, odd, -coalesce(sale, 0) FROM latest_amount l WHERE currency = :currency AND NOT EXISTS (
        SELECT 1 FROM new_order f WHERE f.sale = l.sale AND f.withheld = 0
    ) ORDER BY l.id
""")
"""Orders that still wait since an earlier run are left out: this run evaluates them again."""
_INSERT_LEVELS = text("""
    INSERT INTO level(currency, product, amounts, seen) SELECT currency, product, amounts, :day FROM new_level
    WHERE 1 = 1 ON CONFLICT (currency, product) DO UPDATE SET amounts = excluded.amounts, seen = excluded.seen
""")
_INSERT_SPREAD = text("""
    INSERT INTO deviation(currency, basis, tenths, orders) VALUES (:currency, :basis, :tenths, :orders)
    ON CONFLICT (currency, basis, tenths) DO UPDATE SET orders = excluded.orders
""")
_DELETE_EXPIRED = text("DELETE FROM level WHERE seen < :before")
_DELETE_SURPLUS = text(f"""
    DELETE FROM level WHERE (currency, product) IN (
        SELECT currency, product FROM level WHERE product <> :shop
        ORDER BY seen DESC LIMIT {1 << 62} OFFSET {MAX_STORED_LEVELS}
    )
""")
_DELETE_LATEST = text("DELETE FROM latest_amount WHERE currency = :currency")
_DELETE_SALE = text("DELETE FROM latest_amount WHERE sale = :sale")
_SALE = text("SELECT sale FROM known_row WHERE id = :row")


class AmountHistory:
    """The product levels of one currency: those in the store, and those that this run adds."""

    def __init__(self, connection: Connection, currency: str) -> None:
        self._connection, self._currency = connection, currency
        self._levels: dict[bytes, AmountLevel | None] = {}
        self._ahead: dict[bytes, bytes | None] = {}

    def read_ahead(self, products: Iterable[bytes]) -> None:
        """Read the levels of *products* at once: one statement for each would cost more than the rest of the check."""
        wanted = {product for product in products if product not in self._levels}
        self._ahead = _packed_levels(self._connection, self._currency, wanted)

    def find(self, product: bytes) -> AmountLevel | None:
        """Return the level of a product, or None if it was never sold."""
        if product not in self._levels:
            if product not in self._ahead:
                self._ahead |= _packed_levels(self._connection, self._currency, {product})
            self._levels[product] = _unpacked(PRODUCT_LEVEL_ORDERS, self._ahead.pop(product))
        return self._levels[product]

    def sold(self, product: bytes, amount: int) -> None:
        """Add a sale of the product at this magnitude."""
        level = self.find(product)
        if level is None:
            level = self._levels[product] = AmountLevel(PRODUCT_LEVEL_ORDERS)
        level.add(amount)
        if len(self._levels) > MAX_CACHED_LEVELS:
            self.flush()

    def flush(self) -> None:
        """Write the levels to the temporary table, and free the memory."""
        levels = [
            {"currency": self._currency, "product": product, "amounts": level.pack()}
            for product, level in self._levels.items()
            if level
        ]
        if levels:
            self._connection.execute(_ADD_LEVEL, levels)
        self._levels.clear()


def is_empty(connection: Connection) -> bool:
    """True if the store has no figures yet."""
    return connection.execute(select(tables.level.c.seen).limit(1)).first() is None


def price_levels(connection: Connection, currency: str) -> PriceLevels:
    """Return the stored levels of one currency."""
    spread = Spread()
    for basis, tenths, orders in connection.execute(_SPREAD, {"currency": currency}):
        spread.counts[Basis(basis)][tenths] = orders
    levels = PriceLevels(AmountHistory(connection, currency), spread=spread)
    levels.shop = _unpacked(SHOP_LEVEL_ORDERS, _packed_levels(connection, currency, {_SHOP})[_SHOP]) or levels.shop
    latest = connection.execute(_LATEST, {"currency": currency})
    levels.latest.extend(Deviation(deviation, Basis(basis), bool(odd), sale) for deviation, basis, odd, sale in latest)
    return levels


def with_levels(levels: PriceLevels, orders: Iterable[T], products: Callable[[T], Iterable[bytes]]) -> Iterator[T]:
    """Yield *orders*, the levels of whose *products* are read page by page."""
    history, remaining = levels.products, iter(orders)
    assert isinstance(history, AmountHistory)
    while page := list(islice(remaining, ORDERS_PER_PAGE)):
        history.read_ahead(product for order in page for product in products(order))
        yield from page


def flush(levels: PriceLevels) -> AmountHistory:
    """Free the memory for another currency."""
    history = levels.products
    assert isinstance(history, AmountHistory)
    history.flush()
    return history


def open_shifts(connection: Connection) -> dict[str, int]:
    """Return by currency the power of ten that stopped the last run."""
    shift = tables.open_shift.c
    return {row.currency: row.power for row in connection.execute(select(shift.currency, shift.power))}


def keep_open_shifts(ledger: Ledger, run: Run, shifts: Mapping[str, int]) -> None:
    """Store the shifts that stop this run, so that a few more orders do not resolve them."""
    rows = [{"currency": currency, "power": power} for currency, power in shifts.items()]
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        connection.execute(delete(tables.open_shift))
        if rows:
            connection.execute(insert(tables.open_shift), rows)


def keep(ledger: Ledger, run: Run, by_currency: Mapping[str, PriceLevels]) -> None:
    """Store the levels that this run updated. The day of each level is the day of the run, in UTC."""
    today = ledger.clock().date()
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        for currency, levels in by_currency.items():
            flush(levels)
            row = {"currency": currency, "product": _SHOP, "amounts": levels.shop.pack()}
            connection.execute(_ADD_LEVEL, row)
            _keep_spread(connection, currency, levels.spread)
            _keep_latest(connection, currency, levels.latest)
        connection.execute(_INSERT_LEVELS, {"day": today.isoformat()})
        _delete_old(connection, today)


def _packed_levels(connection: Connection, currency: str, products: Collection[bytes]) -> dict[bytes, bytes | None]:
    levels: dict[bytes, bytes | None] = dict.fromkeys(products)
    for page in pages_of(products, MAX_LISTED // 2):  # the list stands in the statement twice
        rows = connection.execute(_LEVELS, {"currency": currency, "products": page})
        levels |= {row.product: row.amounts for row in rows}
    return levels


def _unpacked(max_amounts: int, amounts: bytes | None) -> AmountLevel | None:
    return None if amounts is None else AmountLevel(max_amounts, unpack(amounts))


def _keep_spread(connection: Connection, currency: str, spread: Spread) -> None:
    rows = [
        {"currency": currency, "basis": basis, "tenths": tenths, "orders": orders}
        for basis, counts in spread.counts.items()
        for tenths, orders in counts.items()
    ]
    if rows:
        connection.execute(_INSERT_SPREAD, rows)


def _keep_latest(connection: Connection, currency: str, latest: Iterable[Deviation]) -> None:
    """Store the latest deviations with the keys of their sales; orders of the past have none."""
    connection.execute(_DELETE_LATEST, {"currency": currency})
    for each in latest:
        sale = -each.order or None
        if each.order > 0:
            sale = connection.execute(_SALE, {"row": each.order}).scalar_one()
        connection.execute(_DELETE_SALE, {"sale": sale})
        row = {"sale": sale, "currency": currency, "deviation": each.deviation, "basis": each.basis}
        connection.execute(insert(tables.latest_amount), row | {"odd": int(each.odd)})


def _delete_old(connection: Connection, today: date) -> None:
    """Delete expired levels, and those above the limit."""
    connection.execute(_DELETE_EXPIRED, {"before": (today - LEVEL_RETENTION).isoformat()})
    connection.execute(_DELETE_SURPLUS, {"shop": _SHOP})
