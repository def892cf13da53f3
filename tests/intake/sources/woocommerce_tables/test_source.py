"""The tables of a WooCommerce shop say what its REST API says, whichever tables it uses."""

import tracemalloc
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text

from conversions.errors import SettingsError, SourceError
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.base import Source
from conversions.intake.sources.woocommerce_tables import WooCommerceDatabase
from conversions.intake.sources.woocommerce_tables.statements import (
    orders_statement,
    view_statement,
    window_statement,
)
from conversions.intake.sources.woocommerce_tables.storage import tables
from conversions.model.conversion import Consent, Reason, Window
from conversions.sandbox.woocommerce.orders import Orders
from conversions.settings import WooCommerceTables
from tests.intake.sources import woocommerce_shop
from tests.intake.sources.woocommerce_database import (
    PRESETS,
    create_tables,
    fill,
    multiply,
    opened,
    server,
    tables_settings,
    tables_source,
)

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 1), date(2026, 11, 21))
HPOS, POSTS = PRESETS
every_preset = pytest.mark.parametrize("preset", PRESETS)
Found = dict[str | None, Order | RowRejected]
ORDER: dict[str, Any] = {
    "id": 786,
    "number": "786",
    "status": "completed",
    "currency": "DKK",
    "total": "249.90",
    "date_created_gmt": "2026-11-20T23:30:00",
    "date_modified_gmt": "2026-11-21T10:00:00",
    "date_paid_gmt": "2026-11-20T23:31:00",
    "date_completed_gmt": "2026-11-21T10:00:00",
    "billing": {"email": "ida@example.com"},
    "line_items": [{"product_id": 93, "variation_id": 94, "sku": "CD-1", "quantity": 2, "total": "200.00"}],
    "refunds": [{"total": "-10.00"}],
    "meta_data": [],
    "created_via": "checkout",
}


def shop_orders(count: int = 360) -> list[dict[str, Any]]:
    """Orders with everything that real shops have; an SKU belongs to one product, and drafts are in no shop's list."""
    orders = [Orders(count, NOW, 20).order(nth) for nth in range(count)]
    for order in orders:
        lines = order["line_items"]
        for line in lines.values() if isinstance(lines, dict) else lines:
            line["product_id"] = 4711 if line["sku"] == 4711 else line["product_id"]
    return [order for order in orders if order["status"] != "checkout-draft"]


def read(source: Source, window: Window = WINDOW) -> Found:
    """What was read, by number; the place of a row is no property of the order."""
    rows = [row for chunk in source.chunks(window) for row in chunk]
    found: Found = {}
    for row in rows:
        if isinstance(row, Order):
            found[row.number] = row._replace(rank=(row.rank[0], 0), place="")
        else:
            found[row.order_no] = row
    assert len(found) == len(rows)
    return found


def only(source: Source) -> Order:
    (order,) = read(source).values()
    assert isinstance(order, Order)
    return order


def change(*statements: str) -> None:
    with opened(server()).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


MEANINGS: list[dict[str, Any]] = [
    {},
    {
        "product_id": "variation",
        "consent_meta": "_ad_consent",
        "unpaid": "send",
        "completed": ["completed", "processing"],
    },
    {"product_id": "sku", "order_key": "number", "bundled": "leave_out", "renewals": "send"},
]


@every_preset
@pytest.mark.parametrize("settings", MEANINGS)
def test_an_order_of_the_tables_is_the_order_of_the_api(preset: str, settings: dict[str, Any]) -> None:
    orders = shop_orders()
    fill(server(), preset, orders)

    api = read(woocommerce_shop.woocommerce(orders, NOW, **settings))
    found = read(tables_source(server(), preset, **settings))

    assert found == api
    assert len(found) == len(orders)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0", max_codepoint=0x10FFFF), max_size=12)
LINES = st.fixed_dictionaries(
    {
        "product_id": st.integers(1, 9),
        "variation_id": st.sampled_from([0, 0, 11, 12]),
        "quantity": st.integers(0, 9),
        "total": st.decimals(0, 99_999, places=2).map(str),
    }
)
GENERATED = st.fixed_dictionaries(
    {
        "number": TEXTS.filter(str.strip),
        "status": st.sampled_from(["completed", "processing", "on-hold", "refunded"]),
        "currency": st.sampled_from(["DKK", "EUR", "JPY", "KWD", ""]),
        "total": st.decimals(-9, 999_999, places=3).map(str),
        "billing": st.fixed_dictionaries({"email": TEXTS}),
        "date_paid_gmt": st.sampled_from([None, "2026-11-19T23:31:00"]),
        "date_completed_gmt": st.sampled_from([None, "2026-11-20T08:00:00"]),
        "created_via": st.sampled_from(["checkout", "subscription", "", None]),
        "meta_data": st.lists(
            st.fixed_dictionaries(
                {"key": st.sampled_from(["consent", "Consent", "ads", "_subscription_renewal"]), "value": TEXTS}
            ),
            max_size=4,
        ),
        "line_items": st.lists(LINES, max_size=4),
        "refunds": st.lists(st.fixed_dictionaries({"total": st.decimals(-99, 0, places=2).map(str)}), max_size=3),
    }
)


@examples(deadline=None, max_examples=40)
@given(orders=st.lists(GENERATED, min_size=1, max_size=5), preset=st.sampled_from(PRESETS))
def test_whatever_an_order_has_both_say_the_same(orders: list[dict[str, Any]], preset: str) -> None:
    whole = [{**ORDER, **order, "id": 1000 + nth} for nth, order in enumerate(orders)]
    settings: dict[str, Any] = {
        "consent_meta": "consent",
        "ad_personalization_meta": "ads",
        "completed": ["completed", "processing"],
    }
    fill(server(), preset, whole)

    api = read(woocommerce_shop.woocommerce(whole, NOW, **settings))

    assert read(tables_source(server(), preset, **settings)) == api


@every_preset
def test_drafts_thrown_away_orders_and_other_posts_are_no_orders(preset: str) -> None:
    fill(server(), preset, [{**ORDER, "id": 780 + nth} for nth in range(6)])
    table, status, kind, key = (
        ("wp_wc_orders", "status", "type", "id") if preset == HPOS else ("wp_posts", "post_status", "post_type", "ID")
    )
    for nth, word in enumerate(("trash", "auto-draft", "wc-checkout-draft")):
        change(f"UPDATE {table} SET {status} = '{word}' WHERE {key} = {780 + nth}")
    change(f"UPDATE {table} SET {kind} = 'shop_subscription' WHERE {key} = 783")

    assert sorted(map(str, read(tables_source(server(), preset)))) == ["784", "785"]


@every_preset
def test_a_product_that_was_deleted_is_none_and_a_variation_without_sku_has_that_of_its_product(preset: str) -> None:
    lines = [
        {"product_id": 93, "variation_id": 94, "sku": ""},
        {"product_id": 7, "sku": "SEVEN"},
        {"product_id": 8, "sku": "EIGHT"},
    ]
    fill(server(), preset, [{**ORDER, "line_items": lines}])
    change("DELETE FROM wp_posts WHERE ID = 8", "UPDATE wp_postmeta SET meta_value = 'CD' WHERE post_id = 93")

    assert only(tables_source(server(), preset, product_id="sku")).product_ids == ("CD", "SEVEN")
    assert only(tables_source(server(), preset, product_id="variation")).product_ids == ("94", "7")


@every_preset
def test_a_thrown_away_refund_counts_no_more(preset: str) -> None:
    fill(server(), preset, [{**ORDER, "refunds": [{"total": "-10.00"}, {"total": "-20.00"}]}])
    table, status, key = ("wp_wc_orders", "status", "id") if preset == HPOS else ("wp_posts", "post_status", "ID")
    change(f"UPDATE {table} SET {status} = 'trash' WHERE {key} = 5000002")

    assert only(tables_source(server(), preset)).refunded == Decimal(10)


@every_preset
def test_many_lines_and_long_texts_are_whole(preset: str) -> None:
    """``group_concat_max_len`` cuts other functions at 1,024 bytes."""
    lines = [{"product_id": nth, "quantity": 2, "total": "10.00"} for nth in range(1, 601)]
    fill(server(), preset, [{**ORDER, "line_items": lines, "meta_data": [{"key": "_order_number", "value": "9" * 99}]}])
    change("SET GLOBAL group_concat_max_len = 1024")

    order = only(tables_source(server(), preset))

    assert order.product_ids == tuple(str(nth) for nth in range(1, 601))
    assert order.shown_number == "9" * 99


@every_preset
@pytest.mark.parametrize("key", ["consent", "it's", 'a"b\\', ":since", "æ😀 %s"])
def test_a_key_of_meta_data_may_have_any_characters(preset: str, key: str) -> None:
    fill(server(), preset, [{**ORDER, "meta_data": [{"key": key, "value": "no"}, {"key": key, "value": "yes"}]}])

    assert only(tables_source(server(), preset, consent_meta=key)).consent is Consent.GRANTED


@every_preset
def test_the_window_is_what_changed_since_its_first_instant(preset: str) -> None:
    first = datetime(2026, 10, 31, 23, tzinfo=UTC)
    times = {780: first - timedelta(seconds=1), 781: first, 782: NOW + timedelta(days=9)}
    fill(server(), preset, [{**ORDER, "id": nth, "date_modified_gmt": at.isoformat()} for nth, at in times.items()])

    assert sorted(map(str, read(tables_source(server(), preset)))) == ["781", "782"]


def test_an_order_without_dates_is_rejected_and_stops_no_other() -> None:
    fill(server(), POSTS, [ORDER, {**ORDER, "id": 787}, {**ORDER, "id": 788}])
    change(
        "UPDATE wp_posts SET post_date_gmt = '0000-00-00 00:00:00' WHERE ID = 787",
        "UPDATE wp_postmeta SET meta_value = 'soon' WHERE post_id = 788 AND meta_key = '_date_completed'",
    )

    found = read(tables_source(server(), POSTS))

    assert isinstance(found["786"], Order)
    refused = [(row.order_no, row.reason, row.field) for row in found.values() if isinstance(row, RowRejected)]
    assert refused == [("787", Reason.BAD_DATE, "purchased_at"), ("788", Reason.BAD_DATE, "completed_at")]


def test_memory_does_not_grow_with_the_orders() -> None:
    peaks = []
    for copies in (29, 89):
        fill(server(), HPOS, [{**ORDER, "id": 700 + nth} for nth in range(100)])
        with opened(server()).begin() as connection:
            multiply(connection, HPOS, copies)
        tracemalloc.start()
        assert sum(len(chunk) for chunk in tables_source(server(), HPOS).chunks(WINDOW)) == 100 * (copies + 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


def plan(preset: str, since: datetime) -> list[Any]:
    with opened(server()).connect() as connection:
        statement = text("EXPLAIN " + window_statement(tables_settings("mysql://x", preset)))
        return list(connection.execute(statement, {"since": since}).mappings())


@every_preset
def test_the_window_and_every_look_up_use_an_index(preset: str) -> None:
    orders = shop_orders(900)
    fill(
        server(),
        preset,
        [{**order, "date_modified_gmt": f"2026-0{1 + n % 9}-01T00:00:00"} for n, order in enumerate(orders)],
    )
    change(
        "ANALYZE TABLE wp_posts, wp_postmeta, wp_wc_orders, wp_woocommerce_order_items, wp_woocommerce_order_itemmeta"
    )

    rows = plan(preset, datetime(2026, 11, 1))

    assert "type_status_date" in rows[0]["possible_keys"]
    # Which of the two is used depends on what the server has counted.
    assert preset == POSTS or rows[0]["key"] in {"date_updated", "type_status_date"}
    assert preset == POSTS or "date_updated" in rows[0]["possible_keys"]
    assert all(row["key"] for row in rows[1:]), rows


@every_preset
def test_a_view_of_the_query_is_read_in_its_place_by_a_login_that_sees_nothing_else(preset: str) -> None:
    fill(server(), preset, shop_orders(60))
    settings = tables_settings(server(), preset, consent_meta="_ad_consent")
    change(
        view_statement(settings, "orders_for_ads"),
        "CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'r'",
        "GRANT SELECT ON shop.orders_for_ads TO reader@localhost",
    )
    reader = server().replace("root@", "reader:r@")

    seen = read(tables_source(reader, preset, consent_meta="_ad_consent", view="orders_for_ads"))

    assert seen == read(tables_source(server(), preset, consent_meta="_ad_consent"))
    tables_source(reader, preset, view="orders_for_ads").check()
    with pytest.raises(SourceError):
        read(tables_source(reader, preset))


@every_preset
def test_a_login_needs_select_on_the_tables_of_the_preset_only(preset: str) -> None:
    fill(server(), preset, [ORDER])
    settings = tables_settings(server(), preset, product_id="sku")
    grants = [f"GRANT SELECT ON shop.{name} TO reader@localhost" for name in tables(settings)]
    change("CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'r'", *grants)
    source = tables_source(server().replace("root@", "reader:r@"), preset, product_id="sku")

    source.check()
    assert only(source).product_ids == ("CD-1",)


def test_a_view_without_a_column_is_refused_by_its_name() -> None:
    fill(server(), HPOS, [ORDER])
    change("CREATE OR REPLACE VIEW half AS SELECT id, date_updated_gmt AS date_modified_gmt FROM wp_wc_orders")

    with pytest.raises(SourceError, match=r"The view half has no column status, date_created_gmt, meta_data.* --view"):
        tables_source(server(), HPOS, view="half").check()


def check(preset: str, **settings: Any) -> str:
    with pytest.raises(SourceError) as refused:
        tables_source(server(), preset, **settings).check()
    return str(refused.value)


def test_missing_tables_name_the_prefixes_that_exist_or_the_other_preset() -> None:
    with opened(server()).begin() as connection:
        create_tables(connection)
        create_tables(connection, "shop2_", hpos=False)
    try:
        assert 'begin with "shop2_" or "wp_" there. Set source.table_prefix, then run `conversions doctor`.' in check(
            HPOS, table_prefix="wp2_"
        )
        said = check(HPOS, table_prefix="shop2_")
        assert "shows no table shop2_wc_order_operational_data, shop2_wc_orders, shop2_wc_orders_meta: " in said
        assert 'a shop without it needs source.preset = "woocommerce-posts"' in said
    finally:
        for table in ("posts", "postmeta", "options", "woocommerce_order_items", "woocommerce_order_itemmeta"):
            change(f"DROP TABLE shop2_{table}")


def switched(preset: str, *, enabled: str, equal: str) -> bool:
    change(
        "DELETE FROM wp_options",
        f"INSERT INTO wp_options (option_name, option_value) VALUES ('woocommerce_custom_orders_table_enabled', "
        f"'{enabled}'), ('woocommerce_custom_orders_table_data_sync_enabled', '{equal}')",
    )
    source = tables_source(server(), preset)
    assert isinstance(source, WooCommerceDatabase)
    return source.is_out_of_use()


@every_preset
def test_tables_that_get_no_new_orders_are_known_by_the_option_of_woocommerce(preset: str) -> None:
    fill(server(), preset, [ORDER])
    own = preset == HPOS

    assert not switched(preset, enabled="yes" if own else "no", equal="no")
    assert switched(preset, enabled="no" if own else "yes", equal="no")
    assert not switched(preset, enabled="no" if own else "yes", equal="yes")


@every_preset
@pytest.mark.parametrize(("newest", "stale"), [("2026-11-21", True), ("2026-11-20 23:30:00", False)])
@pytest.mark.parametrize("unknown", ["DROP TABLE wp_options", "DELETE FROM wp_options"])
def test_the_newest_orders_tell_where_the_options_do_not(preset: str, newest: str, stale: bool, unknown: str) -> None:
    fill(server(), preset, [ORDER])
    change(unknown)
    if preset == HPOS:
        change(f"INSERT INTO wp_posts (ID, post_type, post_date_gmt) VALUES (5, 'shop_order', '{newest}')")
    else:
        change(f"INSERT INTO wp_wc_orders (id, type, date_created_gmt) VALUES (5, 'shop_order', '{newest}')")
    source = tables_source(server(), preset)
    assert isinstance(source, WooCommerceDatabase)

    assert source.is_out_of_use() is stale


def test_another_kind_of_database_is_refused_before_it_is_opened() -> None:
    with pytest.raises(SettingsError, match=r"source.preset reads MySQL or MariaDB"):
        tables_source("postgresql+psycopg://x@db/shop", HPOS)


@pytest.mark.parametrize("name", ["", "a b", "a;DROP TABLE x", "a.b.c", "`a`"])
def test_a_view_has_a_plain_name(name: str) -> None:
    with pytest.raises(SettingsError, match="name of a view"):
        view_statement(tables_settings("mysql://x", HPOS), name)


@pytest.mark.parametrize("prefix", ["wp-", "wp_;", "a.b", "`"])
def test_a_prefix_has_letters_digits_and_underscores_only(prefix: str) -> None:
    with pytest.raises(ValueError, match="table_prefix"):
        tables_settings("mysql://x", HPOS, table_prefix=prefix)


def test_a_preset_has_no_query_of_ones_own() -> None:
    with pytest.raises(ValueError, match="the preset brings its own query"):
        WooCommerceTables.model_validate(
            {"kind": "sql", "url": "x", "preset": HPOS, "completed": ["a"], "query": "SELECT 1"}
        )


def test_every_table_of_the_query_has_the_prefix() -> None:
    for preset in PRESETS:
        statement = orders_statement(tables_settings("mysql://x", preset, table_prefix="site3_", product_id="sku"))
        assert "wp_" not in statement
        assert statement.count("site3_") >= 6
