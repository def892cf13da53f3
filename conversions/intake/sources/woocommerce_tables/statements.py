"""The SQL that reads WooCommerce's tables: one row for each order, with JSON for what an order has several of.

JSON_OBJECTAGG needs MariaDB 10.5 or MySQL 8. ``group_concat_max_len`` cuts what GROUP_CONCAT and MariaDB's
JSON_ARRAYAGG return, without an error; it never cuts this one. Amounts in JSON are texts: a float would change them.
With TRIM a column has no index: else the database may read all refunds, or all of one meta key, anew for each order.

The tables are those of WooCommerce's ``OrdersTableDataStore::get_database_schema`` and ``WC_Install::get_schema``, and
of WordPress' ``wp-admin/includes/schema.php``; read 2026-11-30.
"""

import re
from collections.abc import Iterable
from string import Template

from conversions.errors import SettingsError
from conversions.settings import WooCommerceTables

COLUMNS = ("id", "status", "date_created_gmt", "date_modified_gmt", "meta_data", "line_items", "refunds")
"""The columns of both presets; ``woocommerce-hpos`` has more."""
NUMBER_METAS = ("_order_number_formatted", "_order_number", "_alg_wc_full_custom_order_number", "_wcj_order_number")
"""Where plug-ins keep the number that people see, the best first: Sequential Order Numbers Pro and its free version,
Custom Order Numbers, Booster."""

_CHANGED = {"woocommerce-hpos": "o.date_updated_gmt", "woocommerce-posts": "o.post_modified_gmt"}
"""The column that says when an order changed; in a view its name is ``date_modified_gmt``."""
_RENEWAL = "_subscription_renewal"
_POST_METAS = ("_billing_email", "_order_total", "_order_currency", "_date_paid", "_date_completed", "_created_via")
"""What an order that is a post keeps in its meta data, and another in columns."""
_LINE_METAS = ("_qty", "_line_total", "_bundled_by", "_composite_parent", "_mnm_container")
_PRODUCT_METAS = ("_product_id", "_variation_id")
_DRAFTS = ("auto-draft", "trash", "wc-checkout-draft")
"""Statuses of drafts and of deleted orders."""
_VIEW = re.compile(r"\w+(\.\w+)?", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")

_ORDERS = {
    "woocommerce-hpos": Template("""\
SELECT
  o.id,
  o.status,
  o.currency,
  o.total_amount AS total,
  o.billing_email,
  o.date_created_gmt,
  o.date_updated_gmt AS date_modified_gmt,
  d.date_paid_gmt,
  d.date_completed_gmt,
  d.created_via,
  (SELECT JSON_OBJECTAGG(m.id, JSON_ARRAY(m.meta_key, m.meta_value))
   FROM ${p}wc_orders_meta m
   WHERE m.order_id = o.id AND m.meta_key IN ($metas)) AS meta_data,
$lines,
  (SELECT JSON_OBJECTAGG(r.id, CAST(r.total_amount AS CHAR))
   FROM ${p}wc_orders r
   WHERE r.parent_order_id = o.id AND TRIM(r.type) = 'shop_order_refund' AND r.status <> 'trash') AS refunds
FROM ${p}wc_orders o
LEFT JOIN ${p}wc_order_operational_data d ON d.order_id = o.id
WHERE o.type = 'shop_order' AND o.status NOT IN ($drafts)"""),
    "woocommerce-posts": Template("""\
SELECT
  o.ID AS id,
  o.post_status AS status,
  o.post_date_gmt AS date_created_gmt,
  o.post_modified_gmt AS date_modified_gmt,
  (SELECT JSON_OBJECTAGG(m.meta_id, JSON_ARRAY(m.meta_key, m.meta_value))
   FROM ${p}postmeta m
   WHERE m.post_id = o.ID AND TRIM(m.meta_key) IN ($metas)) AS meta_data,
$lines,
  (SELECT JSON_OBJECTAGG(r.ID, m.meta_value)
   FROM ${p}posts r
   STRAIGHT_JOIN ${p}postmeta m ON m.post_id = r.ID AND TRIM(m.meta_key) = '_refund_amount'
   WHERE r.post_parent = o.ID AND TRIM(r.post_type) = 'shop_order_refund' AND r.post_status <> 'trash') AS refunds
FROM ${p}posts o
WHERE o.post_type = 'shop_order' AND o.post_status NOT IN ($drafts)"""),
}
_LINES = Template("""\
  (SELECT JSON_OBJECTAGG(
     CONCAT(i.order_item_id, '.', COALESCE(m.meta_id, 0)), JSON_ARRAY(m.meta_key, m.meta_value, p.post_type, $sku))
   FROM ${p}woocommerce_order_items i
   LEFT JOIN ${p}woocommerce_order_itemmeta m
     ON m.order_item_id = i.order_item_id AND TRIM(m.meta_key) IN ($metas)
   LEFT JOIN ${p}posts p
     ON p.ID = CASE WHEN m.meta_key IN ($products) THEN CAST(m.meta_value AS UNSIGNED) END
   WHERE i.order_id = o.id AND i.order_item_type = 'line_item') AS line_items""")
"""The meta data of all lines. A product that was deleted has no post any more; the API shows it as 0."""
_SKU = Template("(SELECT MAX(s.meta_value) FROM ${p}postmeta s WHERE s.post_id = p.ID AND TRIM(s.meta_key) = '_sku')")


def orders_statement(settings: WooCommerceTables) -> str:
    """Return the query for all orders, which runs as it is in a client of MariaDB or MySQL."""
    metas, post = _order_metas(settings), settings.preset == "woocommerce-posts"
    return _ORDERS[settings.preset].substitute(
        p=settings.table_prefix,
        metas=_texts([*_POST_METAS, *metas] if post else metas),
        lines=_LINES.substitute(
            p=settings.table_prefix,
            sku=_SKU.substitute(p=settings.table_prefix) if settings.product_id == "sku" else "NULL",
            products=_texts(_PRODUCT_METAS),
            metas=_texts([*_PRODUCT_METAS, *_LINE_METAS]),
        ),
        drafts=_texts(_DRAFTS),
    )


def view_statement(settings: WooCommerceTables, name: str) -> str:
    """Return the statement that makes the view *name* of the query. Raises SettingsError where it is no name."""
    if not _VIEW.fullmatch(name):
        raise SettingsError("The name of a view has letters, digits and underscores; a database may stand before it.")
    return f"CREATE OR REPLACE VIEW {name} AS\n{orders_statement(settings)}"


def window_statement(settings: WooCommerceTables) -> str:
    """Return the query for the orders that changed from ``:since`` on, which is UTC, for SQLAlchemy."""
    if settings.view:
        return Template("SELECT * FROM $view WHERE date_modified_gmt >= :since").substitute(view=settings.view)
    return f"{orders_statement(settings)}\n  AND {_CHANGED[settings.preset]} >= :since"


def _order_metas(settings: WooCommerceTables) -> list[str]:
    consent = [settings.consent_meta, settings.ad_personalization_meta]
    return [*filter(None, consent), _RENEWAL, *NUMBER_METAS]


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(_text, values))


def _text(value: str) -> str:
    """Return *value* as a text of SQL. In hexadecimal no quote, colon or backslash of it has a meaning."""
    if _PLAIN.fullmatch(value):
        return f"'{value}'"
    return f"_utf8mb4 X'{value.encode().hex()}'"
