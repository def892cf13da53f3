"""Usual amounts per product and shop: figures without personal data, updated by the orders of each run."""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from sqlalchemy import Connection, text

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger, translate_errors
from conversions.statistics.magnitudes import AmountLevel, Basis, Deviation, Spread, unpack
from conversions.statistics.price_levels import PRODUCT_LEVEL_ORDERS, SHOP_LEVEL_ORDERS, PriceLevels

MAX_CACHED_LEVELS = 20_000
"""Product levels in memory; the others are in a temporary table."""
MAX_STORED_LEVELS = 50_000
"""Product levels in the store; the products that were not sold for the longest time are deleted first."""
LEVEL_RETENTION = timedelta(days=400)
_SHOP = b""

_TABLES = """
    DROP TABLE IF EXISTS temp.taught;
    CREATE TEMP TABLE taught(currency TEXT, product BLOB, amounts BLOB, PRIMARY KEY(currency, product)) WITHOUT ROWID;
"""
_NEW_LEVEL = "SELECT amounts FROM temp.taught WHERE currency = ? AND product = ?"
_OLD_LEVEL = "SELECT amounts FROM main.level WHERE currency = ? AND product = ?"
_ADD_LEVEL = "INSERT OR REPLACE INTO temp.taught VALUES (?, ?, ?)"
_SPREAD = "SELECT basis, tenths, orders FROM main.deviation WHERE currency = ?"
_LATEST = """
    SELECT deviation, basis, odd, -coalesce(sale, 0) FROM main.latest_amount l WHERE currency = ? AND NOT EXISTS (
        SELECT 1 FROM temp.fresh f WHERE f.sale = l.sale AND NOT f.withheld
    ) ORDER BY l.id
"""
"""Orders that still wait since an earlier run are left out: this run evaluates them again."""
_INSERT_LEVELS = text("INSERT OR REPLACE INTO main.level SELECT currency, product, amounts, :day FROM temp.taught")
_INSERT_SPREAD = "INSERT OR REPLACE INTO main.deviation VALUES (?, ?, ?, ?)"
_DELETE_EXPIRED = text("DELETE FROM main.level WHERE seen < :before")
_DELETE_SURPLUS = text(f"""
    DELETE FROM main.level WHERE (currency, product) IN (
        SELECT currency, product FROM main.level WHERE product <> x''
        ORDER BY seen DESC LIMIT -1 OFFSET {MAX_STORED_LEVELS}
    )
""")
_DELETE_LATEST = text("DELETE FROM main.latest_amount WHERE currency = :currency")
_SALE = "SELECT a.id FROM temp.order_row s JOIN main.sale a ON a.shop = ? AND a.order_no = s.order_no WHERE s.id = ?"
_INSERT_LATEST = """
    INSERT OR REPLACE INTO main.latest_amount(sale, currency, deviation, basis, odd)
    VALUES (?, ?, ?, ?, ?)
"""


class AmountHistory:
    """The product levels of one currency: those in the store, and those that this run adds."""

    def __init__(self, connection: sqlite3.Connection, currency: str) -> None:
        self._connection, self._currency = connection, currency
        self._levels: dict[bytes, AmountLevel | None] = {}

    def find(self, product: bytes) -> AmountLevel | None:
        """Return the level of a product, or None if it was never sold."""
        if product not in self._levels:
            self._levels[product] = self._read(product)
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
        levels = [(self._currency, product, level.pack()) for product, level in self._levels.items() if level]
        self._connection.executemany(_ADD_LEVEL, levels)
        self._levels.clear()

    def _read(self, product: bytes) -> AmountLevel | None:
        return _level(self._connection, PRODUCT_LEVEL_ORDERS, self._currency, product)


def create_temp_tables(connection: sqlite3.Connection) -> None:
    """Create the temporary table for the levels that one run adds."""
    connection.executescript(_TABLES)


def is_empty(connection: sqlite3.Connection) -> bool:
    """True if the store has no figures yet."""
    return connection.execute("SELECT 1 FROM main.level LIMIT 1").fetchone() is None


def price_levels(connection: sqlite3.Connection, currency: str) -> PriceLevels:
    """Return the stored levels of one currency."""
    spread = Spread()
    for basis, tenths, orders in connection.execute(_SPREAD, (currency,)):
        spread.counts[Basis(basis)][tenths] = orders
    levels = PriceLevels(AmountHistory(connection, currency), spread=spread)
    levels.shop = _level(connection, SHOP_LEVEL_ORDERS, currency, _SHOP) or levels.shop
    latest = connection.execute(_LATEST, (currency,))
    levels.latest.extend(Deviation(deviation, Basis(basis), bool(odd), sale) for deviation, basis, odd, sale in latest)
    return levels


def flush(levels: PriceLevels) -> AmountHistory:
    """Free the memory for another currency."""
    history = levels.products
    assert isinstance(history, AmountHistory)
    history.flush()
    return history


def open_shifts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return by currency the power of ten that stopped the last run."""
    return dict(connection.execute("SELECT currency, power FROM main.open_shift").fetchall())


def keep_open_shifts(ledger: Ledger, run: Run, shifts: Mapping[str, int]) -> None:
    """Store the shifts that stop this run, so that a few more orders do not resolve them."""
    with ledger.transaction() as store:
        log.check_epoch(store, run.epoch)
        store.exec_driver_sql("DELETE FROM open_shift")
        if shifts:
            store.exec_driver_sql("INSERT INTO open_shift VALUES (?, ?)", list(shifts.items()))


def keep(
    ledger: Ledger, connection: sqlite3.Connection, run: Run, shop: str, by_currency: Mapping[str, PriceLevels]
) -> None:
    """Store the levels that this run updated. The day of each level is the day of the run, in UTC."""
    today = ledger.clock().date()
    with ledger.transaction() as store:
        log.check_epoch(store, run.epoch)
        for currency, levels in by_currency.items():
            flush(levels)
            connection.execute(_ADD_LEVEL, (currency, _SHOP, levels.shop.pack()))
            _keep_spread(store, currency, levels.spread)
            _keep_latest(store, connection, shop, currency, levels.latest)
        store.execute(_INSERT_LEVELS, {"day": today.isoformat()})
        _delete_old(store, today)


def _level(connection: sqlite3.Connection, max_amounts: int, currency: str, product: bytes) -> AmountLevel | None:
    for query in (_NEW_LEVEL, _OLD_LEVEL):
        if row := connection.execute(query, (currency, product)).fetchone():
            return AmountLevel(max_amounts, unpack(row[0]))
    return None


def _keep_spread(store: Connection, currency: str, spread: Spread) -> None:
    rows = [(currency, basis, *count) for basis, counts in spread.counts.items() for count in counts.items()]
    if rows:
        store.exec_driver_sql(_INSERT_SPREAD, rows)


def _keep_latest(
    store: Connection, connection: sqlite3.Connection, shop: str, currency: str, latest: Iterable[Deviation]
) -> None:
    """Store the latest deviations with the keys of their sales; orders of the past have none."""
    store.execute(_DELETE_LATEST, {"currency": currency})
    for each in latest:
        sale = connection.execute(_SALE, (shop, each.order)).fetchone()[0] if each.order > 0 else -each.order or None
        store.exec_driver_sql(_INSERT_LATEST, (sale, currency, each.deviation, each.basis, int(each.odd)))


def _delete_old(store: Connection, today: date) -> None:
    """Delete expired levels, and those above the limit."""
    store.execute(_DELETE_EXPIRED, {"before": (today - LEVEL_RETENTION).isoformat()})
    store.execute(_DELETE_SURPLUS)


def sqlite_connection(ledger: Ledger) -> sqlite3.Connection:
    """Return the SQLite connection of the store, for temporary tables."""
    with translate_errors():
        connection = ledger.connection.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection
