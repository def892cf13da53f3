"""What is usually paid, as the store keeps it: figures without persons, taught by the orders of each night."""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from sqlalchemy import Connection, text

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger, translate_errors
from conversions.statistics.magnitudes import Basis, Deviation, Level, Spread, unpack
from conversions.statistics.price_levels import PRODUCT_LEVEL_ORDERS, SHOP_LEVEL_ORDERS, PriceLevels

CACHED = 20_000
"""Levels of products in memory; more wait in a temporary table."""
MOST = 50_000
"""Levels of products in the store; those that were not sold for longest go."""
FORGOTTEN = timedelta(days=400)
_SHOP = b""

_SCHEMA = """
    DROP TABLE IF EXISTS temp.taught;
    CREATE TEMP TABLE taught(currency TEXT, product BLOB, amounts BLOB, PRIMARY KEY(currency, product)) WITHOUT ROWID;
"""
_TAUGHT = "SELECT amounts FROM temp.taught WHERE currency = ? AND product = ?"
_LEVEL = "SELECT amounts FROM main.level WHERE currency = ? AND product = ?"
_TEACH = "INSERT OR REPLACE INTO temp.taught VALUES (?, ?, ?)"
_SPREAD = "SELECT basis, tenths, orders FROM main.deviation WHERE currency = ?"
_LATEST = """
    SELECT deviation, basis, odd, -coalesce(sale, 0) FROM main.latest_amount l WHERE currency = ? AND NOT EXISTS (
        SELECT 1 FROM temp.fresh f WHERE f.sale = l.sale AND NOT f.held
    ) ORDER BY l.id
"""
"""What waits since an earlier night is judged again tonight."""
_KEEP = text("INSERT OR REPLACE INTO main.level SELECT currency, product, amounts, :day FROM temp.taught")
_KEEP_SPREAD = "INSERT OR REPLACE INTO main.deviation VALUES (?, ?, ?, ?)"
_OLD = text("DELETE FROM main.level WHERE seen < :before")
_TOO_MANY = text(f"""
    DELETE FROM main.level WHERE (currency, product) IN (
        SELECT currency, product FROM main.level WHERE product <> x'' ORDER BY seen DESC LIMIT -1 OFFSET {MOST}
    )
""")
_NOT_LATEST = text("DELETE FROM main.latest_amount WHERE currency = :currency")
_SALE = "SELECT a.id FROM temp.order_row s JOIN main.sale a ON a.shop = ? AND a.order_no = s.order_no WHERE s.id = ?"
_KEEP_LATEST = """
    INSERT OR REPLACE INTO main.latest_amount(sale, currency, deviation, basis, odd)
    VALUES (?, ?, ?, ?, ?)
"""


class AmountHistory:
    """The levels of one currency's products: what the store holds, and what this reading adds."""

    def __init__(self, connection: sqlite3.Connection, currency: str) -> None:
        self._connection, self._currency = connection, currency
        self._levels: dict[bytes, Level | None] = {}

    def find(self, product: bytes) -> Level | None:
        """Its level, where it has been sold before."""
        if product not in self._levels:
            self._levels[product] = self._held(product)
        return self._levels[product]

    def sold(self, product: bytes, amount: int) -> None:
        """It was sold at this magnitude."""
        level = self.find(product)
        if level is None:
            level = self._levels[product] = Level(PRODUCT_LEVEL_ORDERS)
        level.add(amount)
        if len(self._levels) > CACHED:
            self.flush()

    def flush(self) -> None:
        """Leave the memory to others."""
        levels = [(self._currency, product, level.pack()) for product, level in self._levels.items() if level]
        self._connection.executemany(_TEACH, levels)
        self._levels.clear()

    def _held(self, product: bytes) -> Level | None:
        return _level(self._connection, PRODUCT_LEVEL_ORDERS, self._currency, product)


def begin(connection: sqlite3.Connection) -> None:
    """Make room for what one reading adds."""
    connection.executescript(_SCHEMA)


def unknown(connection: sqlite3.Connection) -> bool:
    """Whether this store has no figures yet."""
    return connection.execute("SELECT 1 FROM main.level LIMIT 1").fetchone() is None


def prices(connection: sqlite3.Connection, currency: str) -> PriceLevels:
    """What the store says of one currency."""
    spread = Spread()
    for basis, tenths, orders in connection.execute(_SPREAD, (currency,)):
        spread.counts[Basis(basis)][tenths] = orders
    found = PriceLevels(AmountHistory(connection, currency), spread=spread)
    found.shop = _level(connection, SHOP_LEVEL_ORDERS, currency, _SHOP) or found.shop
    latest = connection.execute(_LATEST, (currency,))
    found.latest.extend(Deviation(far, Basis(basis), bool(odd), sale) for far, basis, odd, sale in latest)
    return found


def flush(found: PriceLevels) -> AmountHistory:
    """Leave the memory to another currency."""
    figures = found.products
    assert isinstance(figures, AmountHistory)
    figures.flush()
    return figures


def open_shifts(connection: sqlite3.Connection) -> dict[str, int]:
    """By currency the power of ten that stopped the last night."""
    return dict(connection.execute("SELECT currency, power FROM main.open_shift").fetchall())


def keep_open(ledger: Ledger, run: Run, shifts: Mapping[str, int]) -> None:
    """Remember what stops this night, so that a few orders more do not lift it."""
    with ledger.transaction() as held:
        log.check_epoch(held, run.epoch)
        held.exec_driver_sql("DELETE FROM open_shift")
        if shifts:
            held.exec_driver_sql("INSERT INTO open_shift VALUES (?, ?)", list(shifts.items()))


def keep(ledger: Ledger, connection: sqlite3.Connection, run: Run, shop: str, found: Mapping[str, PriceLevels]) -> None:
    """Write what this night's orders taught. The day of each level is the run's, in UTC."""
    today = ledger.clock().date()
    with ledger.transaction() as held:
        log.check_epoch(held, run.epoch)
        for currency, one in found.items():
            flush(one)
            connection.execute(_TEACH, (currency, _SHOP, one.shop.pack()))
            _keep_spread(held, currency, one.spread)
            _keep_latest(held, connection, shop, currency, one.latest)
        held.execute(_KEEP, {"day": today.isoformat()})
        _bound(held, today)


def _level(connection: sqlite3.Connection, most: int, currency: str, product: bytes) -> Level | None:
    for query in (_TAUGHT, _LEVEL):
        if row := connection.execute(query, (currency, product)).fetchone():
            return Level(most, unpack(row[0]))
    return None


def _keep_spread(held: Connection, currency: str, spread: Spread) -> None:
    rows = [(currency, basis, *one) for basis, counts in spread.counts.items() for one in counts.items()]
    if rows:
        held.exec_driver_sql(_KEEP_SPREAD, rows)


def _keep_latest(
    held: Connection, connection: sqlite3.Connection, shop: str, currency: str, latest: Iterable[Deviation]
) -> None:
    """Under the numbers of their sales, which this night's orders have by now. Of the past no sale is kept."""
    held.execute(_NOT_LATEST, {"currency": currency})
    for mark in latest:
        sale = connection.execute(_SALE, (shop, mark.order)).fetchone()[0] if mark.order > 0 else -mark.order or None
        held.exec_driver_sql(_KEEP_LATEST, (sale, currency, mark.deviation, mark.basis, int(mark.odd)))


def _bound(held: Connection, today: date) -> None:
    """Nothing is kept for ever."""
    held.execute(_OLD, {"before": (today - FORGOTTEN).isoformat()})
    held.execute(_TOO_MANY)


def raw(ledger: Ledger) -> sqlite3.Connection:
    """The store's own connection, for temporary tables."""
    with translate_errors():
        connection = ledger.connection.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection
