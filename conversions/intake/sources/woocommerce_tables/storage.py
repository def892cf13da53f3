"""Which tables a WooCommerce shop has, and in which of them it keeps its orders now."""

from string import Template
from typing import Any

from conversions.errors import SourceError
from conversions.intake.sources.sql.database import Database
from conversions.settings import WooCommerceTables

HPOS = "woocommerce-hpos"
_TABLES = {
    HPOS: ("posts", "wc_order_operational_data", "wc_orders", "wc_orders_meta"),
    "woocommerce-posts": ("postmeta", "posts"),
}
_ITEMS = "woocommerce_order_items"
_ENABLED = "woocommerce_custom_orders_table_enabled"
"""WooCommerce's setting: orders are in tables of their own."""
_EQUAL = "woocommerce_custom_orders_table_data_sync_enabled"
"""WooCommerce's setting: the other tables get every change, too."""
_OPTIONS = Template("SELECT option_name, option_value FROM ${p}options WHERE option_name IN ('$enabled', '$equal')")
_NEWEST = Template(
    "SELECT (SELECT MAX(date_created_gmt) FROM ${p}wc_orders WHERE type = 'shop_order'), "
    "(SELECT MAX(post_date_gmt) FROM ${p}posts WHERE post_type = 'shop_order')"
)


def tables(settings: WooCommerceTables) -> list[str]:
    """Return the names of the tables that the preset reads."""
    skus = ["postmeta"] if settings.product_id == "sku" else []
    names = {*_TABLES[settings.preset], _ITEMS, "woocommerce_order_itemmeta", *skus}
    return [settings.table_prefix + name for name in sorted(names)]


def other_preset(settings: WooCommerceTables) -> str:
    """Return the preset for the other way in which WooCommerce keeps orders."""
    return next(preset for preset in _TABLES if preset != settings.preset)


def require_tables(database: Database, settings: WooCommerceTables) -> None:
    """Raise SourceError where the login does not see a table of the preset."""
    statement = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()"
    found = {name for (name,) in _rows(database, statement)}
    if missing := [name for name in tables(settings) if name not in found]:
        prefixes = sorted(name.removesuffix(_ITEMS) for name in found if name.endswith(_ITEMS))
        raise SourceError(
            f"The {database.name} shows no table {', '.join(missing)}: {_cause(prefixes, settings)}, then run "
            "`conversions doctor`."
        )


def _cause(prefixes: list[str], settings: WooCommerceTables) -> str:
    if prefixes and settings.table_prefix not in prefixes:
        shown = " or ".join(f'"{prefix}"' for prefix in prefixes)
        return f"the names of WooCommerce's tables begin with {shown} there. Set source.table_prefix"
    wrong = "" if prefixes else "; or is source.table_prefix another ($table_prefix in wp-config.php)?"
    return (
        f"the login may not read it, or the shop has none{wrong or '.'} Grant SELECT on it; a shop without it needs "
        f'source.preset = "{other_preset(settings)}"'
    )


def is_out_of_use(database: Database, settings: WooCommerceTables) -> bool:
    """Return whether the shop puts its orders into other tables, so that those of the preset get no new ones.

    The options are WooCommerce's own answer. Where a login may not read them, or they are not set, the newest orders
    tell. False where neither can be read.
    """
    for told in (_by_options, _by_newest_orders):
        try:
            answer = told(database, settings)
        except SourceError:
            continue
        if answer is not None:
            return answer
    return False


def _by_options(database: Database, settings: WooCommerceTables) -> bool | None:
    found = dict(_rows(database, _OPTIONS.substitute(p=settings.table_prefix, enabled=_ENABLED, equal=_EQUAL)))
    if _ENABLED not in found:
        return None
    own_tables, equal = found[_ENABLED] == "yes", found.get(_EQUAL) == "yes"
    return own_tables != (settings.preset == HPOS) and not equal


def _by_newest_orders(database: Database, settings: WooCommerceTables) -> bool | None:
    ((hpos, posts),) = _rows(database, _NEWEST.substitute(p=settings.table_prefix))
    here, there = (hpos, posts) if settings.preset == HPOS else (posts, hpos)
    return there is not None and (here is None or str(here) < str(there))


def _rows(database: Database, statement: str) -> list[Any]:
    with database.result(statement, {}) as result:
        return list(result)
