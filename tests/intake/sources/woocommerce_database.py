"""The orders of a test in WooCommerce's own tables, in a real MariaDB.

The tables are those of WooCommerce's ``OrdersTableDataStore::get_database_schema`` and ``WC_Install::get_schema``, and
of WordPress' ``wp-admin/includes/schema.php``, with every column and index; read 2026-11-30.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from conversions.intake.sources import open_source
from conversions.intake.sources.base import Source
from conversions.settings import WooCommerceTables
from tests.e2e import servers
from tests.intake.sources import woocommerce_shop

Json = Mapping[str, Any]
PRESETS = HPOS_PRESET, POSTS_PRESET = ("woocommerce-hpos", "woocommerce-posts")
ZONE = ZoneInfo("Europe/Copenhagen")
SERVERS = ExitStack()
_PRODUCTS: dict[str, int] = {}
"""Number of the product by its SKU."""
COLLATE = "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"
POSTS = """
CREATE TABLE {p}posts (
 ID bigint(20) unsigned NOT NULL auto_increment, post_author bigint(20) unsigned NOT NULL default '0',
 post_date datetime NOT NULL default '0000-00-00 00:00:00', post_date_gmt datetime NOT NULL default '0000-00-00 00:00:00',
 post_content longtext NOT NULL, post_title text NOT NULL, post_excerpt text NOT NULL,
 post_status varchar(20) NOT NULL default 'publish', comment_status varchar(20) NOT NULL default 'open',
 ping_status varchar(20) NOT NULL default 'open', post_password varchar(255) NOT NULL default '',
 post_name varchar(200) NOT NULL default '', to_ping text NOT NULL, pinged text NOT NULL,
 post_modified datetime NOT NULL default '0000-00-00 00:00:00',
 post_modified_gmt datetime NOT NULL default '0000-00-00 00:00:00', post_content_filtered longtext NOT NULL,
 post_parent bigint(20) unsigned NOT NULL default '0', guid varchar(255) NOT NULL default '',
 menu_order int(11) NOT NULL default '0', post_type varchar(20) NOT NULL default 'post',
 post_mime_type varchar(100) NOT NULL default '', comment_count bigint(20) NOT NULL default '0',
 PRIMARY KEY (ID), KEY post_name (post_name(191)), KEY type_status_date (post_type,post_status,post_date,ID),
 KEY post_parent (post_parent), KEY post_author (post_author),
 KEY type_status_author (post_type,post_status,post_author));
CREATE TABLE {p}postmeta (
 meta_id bigint(20) unsigned NOT NULL auto_increment, post_id bigint(20) unsigned NOT NULL default '0',
 meta_key varchar(255) default NULL, meta_value longtext,
 PRIMARY KEY (meta_id), KEY post_id (post_id), KEY meta_key (meta_key(191)));
CREATE TABLE {p}options (
 option_id bigint(20) unsigned NOT NULL auto_increment, option_name varchar(191) NOT NULL default '',
 option_value longtext NOT NULL, autoload varchar(20) NOT NULL default 'yes',
 PRIMARY KEY (option_id), UNIQUE KEY option_name (option_name), KEY autoload (autoload));
CREATE TABLE {p}woocommerce_order_items (
 order_item_id BIGINT UNSIGNED NOT NULL auto_increment, order_item_name TEXT NOT NULL,
 order_item_type varchar(200) NOT NULL DEFAULT '', order_id BIGINT UNSIGNED NOT NULL,
 PRIMARY KEY (order_item_id), KEY order_id (order_id));
CREATE TABLE {p}woocommerce_order_itemmeta (
 meta_id BIGINT UNSIGNED NOT NULL auto_increment, order_item_id BIGINT UNSIGNED NOT NULL,
 meta_key varchar(255) default NULL, meta_value longtext NULL,
 PRIMARY KEY (meta_id), KEY order_item_id (order_item_id), KEY meta_key (meta_key(32)))
"""
HPOS = """
CREATE TABLE {p}wc_orders (
 id bigint(20) unsigned, status varchar(20) null, currency varchar(10) null, type varchar(20) null,
 tax_amount decimal(26,8) null, total_amount decimal(26,8) null, customer_id bigint(20) unsigned null,
 billing_email varchar(320) null, date_created_gmt datetime null, date_updated_gmt datetime null,
 parent_order_id bigint(20) unsigned null, payment_method varchar(100) null, payment_method_title text null,
 transaction_id varchar(100) null, ip_address varchar(100) null, user_agent text null, customer_note text null,
 PRIMARY KEY (id), KEY status (status), KEY date_created (date_created_gmt),
 KEY customer_id_billing_email (customer_id, billing_email(171)), KEY billing_email (billing_email(191)),
 KEY type_status_date (type, status, date_created_gmt), KEY parent_order_id (parent_order_id),
 KEY date_updated (date_updated_gmt));
CREATE TABLE {p}wc_order_operational_data (
 id bigint(20) unsigned auto_increment primary key, order_id bigint(20) unsigned NULL, created_via varchar(100) NULL,
 woocommerce_version varchar(20) NULL, prices_include_tax tinyint(1) NULL, coupon_usages_are_counted tinyint(1) NULL,
 download_permission_granted tinyint(1) NULL, cart_hash varchar(100) NULL, new_order_email_sent tinyint(1) NULL,
 order_key varchar(100) NULL, order_stock_reduced tinyint(1) NULL, date_paid_gmt datetime NULL,
 date_completed_gmt datetime NULL, shipping_tax_amount decimal(26, 8) NULL, shipping_total_amount decimal(26, 8) NULL,
 discount_tax_amount decimal(26, 8) NULL, discount_total_amount decimal(26, 8) NULL, recorded_sales tinyint(1) NULL,
 UNIQUE KEY order_id (order_id), KEY order_key (order_key));
CREATE TABLE {p}wc_orders_meta (
 id bigint(20) unsigned auto_increment primary key, order_id bigint(20) unsigned null, meta_key varchar(255),
 meta_value text null, KEY meta_key_value (meta_key(100), meta_value(82)),
 KEY order_id_meta_key_meta_value (order_id, meta_key(100), meta_value(82)))
"""


def opened(url: str) -> Engine:
    session = {"init_command": "SET time_zone = '+00:00', sql_mode = ''"}
    return create_engine(url, poolclass=NullPool, connect_args=session)


def create_tables(connection: Connection, prefix: str = "wp_", *, hpos: bool = True) -> None:
    """All tables, without rows."""
    for statement in f"{POSTS};{HPOS}".split(";") if hpos else POSTS.split(";"):
        created = statement.strip().format(p=prefix).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
        connection.exec_driver_sql(f"{created} {COLLATE}")
        connection.exec_driver_sql(f"DELETE FROM {created.split()[5]}")


class Tables:
    """Writes orders of the REST API as WooCommerce would keep them."""

    def __init__(self, connection: Connection, preset: str, prefix: str = "wp_") -> None:
        self._connection, self._hpos, self._prefix = connection, preset == "woocommerce-hpos", prefix
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._posts: set[int] = set()
        self._refunds = 5_000_000
        self._lines = 100

    def write(self, orders: Iterable[Json]) -> None:
        """Write all *orders*."""
        for order in orders:
            self._order(order)
        for table, rows in self._rows.items():
            names = list(rows[0])
            cells = ", ".join(f":{name}" for name in names)
            statement = f"INSERT INTO {self._prefix}{table} ({', '.join(names)}) VALUES ({cells})"
            self._connection.execute(text(statement), rows)
        self._rows = {}

    def _add(self, table: str, **cells: Any) -> None:
        self._rows.setdefault(table, []).append(cells)

    def _order(self, order: Json) -> None:
        number, status = int(order["id"]), f"wc-{order['status']}"
        email = (order.get("billing") or {}).get("email", "")
        created, changed, paid, completed = (
            _time(order.get(f"date_{name}_gmt")) for name in ("created", "modified", "paid", "completed")
        )
        if self._hpos:
            self._add(
                "wc_orders", id=number, status=status, currency=order["currency"], type="shop_order",
                total_amount=order["total"], billing_email=email, date_created_gmt=created, date_updated_gmt=changed,
                parent_order_id=0,
            )  # fmt: skip
            self._add(
                "wc_order_operational_data", order_id=number, created_via=order.get("created_via"),
                date_paid_gmt=paid, date_completed_gmt=completed,
            )  # fmt: skip
        else:
            self._post(number, "shop_order", status, created, changed)
            metas = {
                "_billing_email": email, "_order_total": order["total"], "_order_currency": order["currency"],
                "_created_via": order.get("created_via"), "_date_paid": _unix(paid),
                "_date_completed": _unix(completed), "_cart_discount": "0",
            }  # fmt: skip
            for key, value in metas.items():
                self._add("postmeta", post_id=number, meta_key=key, meta_value=value)
        numbered = [] if order["number"] == str(number) else [{"key": "_order_number", "value": order["number"]}]
        for meta in [*(order.get("meta_data") or ()), *numbered]:
            self._meta(number, meta["key"], meta["value"])
        for refund in order.get("refunds") or ():
            self._refund(number, refund, changed)
        lines = order.get("line_items") or []
        for line in lines.values() if isinstance(lines, dict) else lines:
            self._line(number, line)

    def _meta(self, number: int, key: str, value: Any) -> None:
        if self._hpos:
            self._add("wc_orders_meta", order_id=number, meta_key=key, meta_value=value)
        else:
            self._add("postmeta", post_id=number, meta_key=key, meta_value=value)

    def _refund(self, parent: int, refund: Json, at: str | None) -> None:
        self._refunds += 1
        amount = str(refund["total"])
        if self._hpos:
            self._add(
                "wc_orders", id=self._refunds, status="wc-completed", currency="", type="shop_order_refund",
                total_amount=amount, billing_email="", date_created_gmt=at, date_updated_gmt=at, parent_order_id=parent,
            )  # fmt: skip
        else:
            self._post(self._refunds, "shop_order_refund", "wc-completed", at, at, parent)
            self._add("postmeta", post_id=self._refunds, meta_key="_refund_amount", meta_value=amount.lstrip("-"))

    def _line(self, number: int, line: Json) -> None:
        self._lines += 1
        product, variation = (int(line.get(name) or 0) for name in ("product_id", "variation_id"))
        sku = line.get("sku")
        if product:
            self._product(product, "product", None if variation else sku)
        if variation:
            self._product(variation, "product_variation", sku)
        self._add(
            "woocommerce_order_items", order_item_id=self._lines, order_item_name="", order_item_type="line_item",
            order_id=number,
        )  # fmt: skip
        metas = {"_product_id": product, "_variation_id": variation, "_qty": line.get("quantity", 1), "_tax_class": ""}
        parts = {name: line[name] for name in ("bundled_by",) if name in line}
        metas |= {
            "_line_total": line.get("total", "0"),
            "_line_tax": "0",
            **{f"_{name}": parts[name] for name in parts},
        }
        for key, value in metas.items():
            meta = {"order_item_id": self._lines, "meta_key": key, "meta_value": value}
            self._add("woocommerce_order_itemmeta", **meta)

    def _product(self, number: int, kind: str, sku: object) -> None:
        if number not in self._posts:
            self._posts.add(number)
            self._post(number, kind, "publish", "2020-01-01", "2020-01-01")
            self._add("postmeta", post_id=number, meta_key="_sku", meta_value=sku or "")

    def _post(
        self, number: int, kind: str, status: str, created: str | None, changed: str | None, parent: int = 0
    ) -> None:
        zero = "0000-00-00 00:00:00"
        self._add(
            "posts", ID=number, post_type=kind, post_status=status, post_date=created or zero,
            post_date_gmt=created or zero, post_modified_gmt=changed or zero, post_parent=parent,
        )  # fmt: skip


def _time(cell: Any) -> str | None:
    if not cell:
        return None
    at = datetime.fromisoformat(cell)
    return str(at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at)


def _unix(cell: str | None) -> str:
    return "" if cell is None else str(int(datetime.fromisoformat(cell).replace(tzinfo=UTC).timestamp()))


def fill(url: str, preset: str, orders: Iterable[Json], prefix: str = "wp_") -> None:
    """Put *orders* alone into the tables of *preset*."""
    with opened(url).begin() as connection:
        create_tables(connection, prefix)
        Tables(connection, preset, prefix).write(orders)


_SHIFTED = {
    HPOS_PRESET: {
        "wc_orders": ("id", "parent_order_id"),
        "wc_order_operational_data": ("order_id",),
        "wc_orders_meta": ("order_id",),
    },
    POSTS_PRESET: {"posts": ("ID", "post_parent"), "postmeta": ("post_id",)},
}
_SHIFTED_LINES = {
    "woocommerce_order_items": ("order_item_id", "order_id"),
    "woocommerce_order_itemmeta": ("order_item_id",),
}
_STEP = 10_000_000
"""Between the numbers of an order and of its copy."""


def multiply(connection: Connection, preset: str, copies: int) -> None:
    """Let the database make *copies* of each order; products stay one. MariaDB's engine SEQUENCE counts them."""
    for table, shifted in {**_SHIFTED[preset], **_SHIFTED_LINES}.items():
        every = list(connection.exec_driver_sql(f"SHOW COLUMNS FROM wp_{table}").mappings())
        names = [column["Field"] for column in every if column["Field"] not in {"meta_id", "id"} - {*shifted}]
        cells = [
            f"IF(t.{name} < 100, t.{name}, t.{name} + {_STEP} * s.seq)" if name in shifted else name for name in names
        ]
        connection.exec_driver_sql(
            f"INSERT INTO wp_{table} ({', '.join(names)}) SELECT {', '.join(cells)} FROM wp_{table} t "
            f"JOIN seq_1_to_{copies} s WHERE t.{shifted[0]} >= 100"
        )
        connection.exec_driver_sql(f"ANALYZE TABLE wp_{table}")


def tables_settings(url: str, preset: str, **settings: Any) -> WooCommerceTables:
    return WooCommerceTables.model_validate(
        {"kind": "sql", "url": url, "preset": preset, "completed": ["completed"], "renewals": "withhold", **settings}
    )


def tables_source(url: str, preset: str, zone: ZoneInfo = ZONE, **settings: Any) -> Source:
    """A source of the orders in the tables of *preset*."""
    return open_source(
        tables_settings(url, preset, **settings),
        zone=zone,
        resolve=Path,
        clock=lambda: datetime.now(UTC),
        key=b"k" * 32,
    )


@cache
def server() -> str:
    """The address of one MariaDB for all tests of a session; ``conftest.py`` stops it."""
    return SERVERS.enter_context(servers.mariadb())


def as_order(row: Mapping[str, Any], nth: int) -> Json:
    """The row of a test as an order of the API, with its number as a plug-in would keep it."""
    order = woocommerce_shop.as_order(dict(row))
    skus = [line["product_id"] for line in order["line_items"]]
    lines = [{"product_id": _PRODUCTS.setdefault(sku, len(_PRODUCTS) + 1), "sku": sku} for sku in skus]
    changed = order["date_modified_gmt"] or order["date_created_gmt"]
    return {**order, "id": 10_000 + nth, "line_items": lines, "date_modified_gmt": changed}


def kept_in_tables(preset: str, rows: Iterable[Mapping[str, Any]], **settings: Any) -> Source:
    """A source of *rows*; these tables hold no change without its time."""
    fill(server(), preset, [as_order(row, nth) for nth, row in enumerate(rows)])
    return tables_source(server(), preset, order_key="number", product_id="sku", **settings)
