"""``source preview``: every row as it was understood, what would become of it, what looks wrong, and no address."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from conversions.sandbox.shopify import Shop as Shopify
from conversions.sandbox.shopify.orders import Orders as ShopifyOrders
from conversions.sandbox.woocommerce import Shop as WooCommerce
from conversions.sandbox.woocommerce.orders import FIRST_ID
from conversions.sandbox.woocommerce.orders import Orders as WooCommerceOrders
from tests.e2e import test_shopify, test_woocommerce
from tests.e2e.said import DOMAIN, Json, Said
from tests.e2e.shop import COLUMNS, NAMES, Shop
from tests.e2e.texts import export

PEOPLE = [f"Person {chr(65 + i)}" for i in range(9)]
PHONES = [f"+45 20 30 40 {i:02d}" for i in range(9)]
PERSONAL = [*PEOPLE, *PHONES, *(phone.replace(" ", "") for phone in PHONES), *(f"203040{i:02d}" for i in range(9))]


def preview(shop: Shop, *arguments: object) -> Said:
    return shop.command("source", "preview", *arguments)


def rows(said: Said) -> dict[str, Json]:
    return {row["order"]: row for row in said.json["rows"]}


def codes(said: Said) -> set[str]:
    return {warning["code"] for warning in said.json["warnings"]}


def test_each_row_says_what_was_understood_and_what_becomes_of_it(shop: Shop) -> None:
    shop.orders(
        shop.order("1", total="120.50", product_ids="SKU-1|SKU-2", ads_consent="yes"),
        shop.order("2", status="pending"),
        shop.order("3", billing_email=""),
        shop.order("4", billing_email="nobody at home"),
        shop.order("5", total="12,5,0"),
        shop.order("6", refunded="-100.00"),
        shop.order("7", purchased_at="2026-10-01"),
        *[shop.order(str(n), billing_email=f"ida@{DOMAIN}") for n in (8, 9, 10)],
        shop.order("9", billing_email=f"ida@{DOMAIN}"),
    )

    said = preview(shop, "--json")

    assert said.code == 1
    assert said.json["schema"] == 1
    assert codes(said) == {"unreadable", "one_address"}
    first = rows(said)["1"]
    assert first["purchased_at"] == f"{shop.day(2)}T12:00:00+01:00"
    assert (first["amount"], first["currency"], first["consent"]) == ("120.50", "DKK", "granted")
    assert [product["id"] for product in first["products"]] == ["SKU-1", "SKU-2"]
    assert first["place"] == "orders.csv row 2"
    became = {number: row["destinations"].get("meta", {}) for number, row in rows(said).items() if "address" in row}
    assert became["1"]["state"] == "pending"
    assert became["2"]["reason"] == "not_completed"
    assert (rows(said)["3"]["address"], rows(said)["4"]["address"]) == ("empty", "no_address")
    assert became["6"]["reason"] == "amount_not_above_zero"
    assert rows(said)["8"]["orders_of_address"] == 3
    assert rows(said)["5"]["unreadable"]["column"] == "amount"
    assert "7" not in rows(said)
    assert [row["older_row"] for row in said.json["rows"] if row["order"] == "9"] == [True, False]
    document = said.json
    assert document["rows_read"] == 11
    assert document["rows_read"] == sum(document[of] for of in ("orders", "repeated", "outside_window", "unreadable"))
    assert sum(each["orders"] for each in document["counts"]["results"]) == document["orders"]


def test_rows_that_are_set_aside_after_the_reading_say_why(shop: Shop) -> None:
    shop.orders(
        shop.order("1"),
        shop.order("2"),
        shop.order("2", billing_email=f"another@{DOMAIN}"),
        shop.order("3", total="1.200"),
    )
    reasons = [row["unreadable"] and row["unreadable"]["reason"] for row in preview(shop, "--json").json["rows"]]
    assert reasons == [None, "conflict", "conflict", "ambiguous_amount"]


def test_text_fits_and_danish_words_are_danish(shop: Shop) -> None:
    shop.orders(*[shop.order(str(n), product_ids="|".join(f"SKU-{i}" for i in range(40))) for n in range(30)])

    english, danish = preview(shop, "--rows", "3"), preview(shop, "--rows", "3", "--lang", "da")

    for said in (english, danish):
        assert said.code == 0, said
        assert max(map(len, said.out.splitlines())) <= 100
    assert "sendable (google, meta)" in english.out
    assert "27 more rows" in english.out
    assert "kan sendes (google, meta)" in danish.out
    assert not shop.store.exists()
    assert "no store yet" in english.err


@pytest.mark.parametrize(("delimiter", "shown"), [(";", "delimiter `;`"), ("\t", "delimiter `tabulator`")])
def test_how_files_are_read_is_said(shop: Shop, delimiter: str, shown: str) -> None:
    for number, name in enumerate(("a.csv", "b.csv")):  # a file with the bytes of another one is a copy
        shop.file(export(shop.order(), [shop.order(str(number))]).replace(b",", delimiter.encode()), name)
    assert f"Files read with {shown}: 2." in preview(shop).out
    assert preview(shop, "--json").json["found"]["a.csv"] == {"delimiter": delimiter}


def test_what_the_settings_keep_back_names_the_setting(shop: Shop) -> None:
    shop.orders(*[shop.order(str(n)) for n in range(3)])
    shop.configure(
        destinations={
            name: {"not_before": shop.now.date(), "endpoint": None, "requests_per_minute": None} for name in NAMES
        }
    )
    said = preview(shop)
    assert said.code == 1
    assert "withheld: before the start of sending (not_before)" in said.out
    assert "No order can be sent" in said.out


def test_a_narrow_terminal_gets_whole_words(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.orders(*[shop.order(str(n)) for n in range(5)])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    said = preview(shop)
    assert [line for line in said.out.splitlines() if len(line) > 60 and str(shop.home) not in line] == []
    assert "`conversions plan`" in said.out


def test_it_needs_no_token_and_with_a_store_the_look_is_recorded(shop: Shop) -> None:
    shop.orders(shop.order("1"), shop.order("2"))
    shop.run()
    shop.secrets(CONVERSIONS_KEY="8f3b1d5e7a9c0b2d4f6e8a1c3b5d7f90" * 2)

    said = preview(shop, "--json")

    assert rows(said)["1"]["destinations"]["google"]["state"] == "already_sent"
    assert said.code == 0, said
    looked = shop.sql("SELECT kind, about, purpose FROM look")
    assert looked == [("source", f"csv, {shop.day(7)}..{shop.day(1)}, 2 rows", "preview")]
    assert "orders of the source" in shop.command("audit", "looks").out
    assert shop.command("audit", "verify").code == 0


@pytest.mark.parametrize("personal", ["billing_email", "name", "phone", "digits"])
@pytest.mark.parametrize("field", [field for field in COLUMNS if field != "email"])
def test_a_wrong_mapping_prints_no_address_name_or_telephone_number(shop: Shop, personal: str, field: str) -> None:
    if (field, personal) == ("order_id", "digits"):
        return  # eight digits are an order number, too
    table = [
        {
            **shop.order(str(100 + n), product_ids=f"SKU-{n % 2}"),
            "name": PEOPLE[n],
            "phone": PHONES[n] if n % 2 else PHONES[n].replace(" ", ""),
            "digits": f"203040{n:02d}",
        }
        for n in range(9)
    ]
    shop.file(export(table[0], table))
    shop.configure(source={"columns": {field: personal}})

    for arguments in ((), ("--json",), ("--lang", "da")):
        said = preview(shop, *arguments)
        shown = said.out + said.err
        assert DOMAIN not in shown
        assert [word for word in PERSONAL if word in shown] == []


def test_the_total_of_one_order_may_be_a_telephone_number(shop: Shop) -> None:
    shop.orders(shop.order("1", total="20304050"))
    assert not any("20304050" in preview(shop, *arguments).out for arguments in ((), ("--json",)))


def test_control_characters_are_escaped(shop: Shop) -> None:
    shop.orders(
        *[
            shop.order(f"\x1b[31m{n}", status="\x1b]0;owned\x07", product_ids="A\x1b[2J", currency="\u202e")
            for n in "12"
        ],
        shop.order("3"),
        name="or\x1b[31mders.csv",
    )

    for arguments in ((), ("--json",)):
        assert {"\x1b", "\x07", "\u202e"}.isdisjoint(preview(shop, *arguments).out)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "faktureret"}, "no_finished_sale"),
        ({"billing_email": ""}, "no_addresses"),
        ({"billing_email": "Ida Jensen"}, "not_addresses"),
        ({"billing_email": f"kasse@{DOMAIN}"}, "one_address"),
        ({"product_ids": "Blue cup with a handle"}, "product_names"),
        ({"total": "12900"}, "minor_units"),
        ({"total": "1.200"}, "unreadable"),
        ({"purchased_at": "13/14/2026"}, "unreadable"),
    ],
)
def test_what_looks_wrong_is_said(shop: Shop, changes: dict[str, str], code: str) -> None:
    shop.orders(*[shop.order(str(n), **changes) for n in range(5)])
    said = preview(shop, "--json")
    assert said.code == 1
    assert code in codes(said)


def test_an_empty_window_and_a_source_that_cannot_be_read(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    nothing = preview(shop, "--json", "--since", "2026-10", "--until", "2026-10")
    assert (nothing.code, nothing.json["orders"], nothing.json["outside_window"]) == (1, 0, 1)
    (shop.home / "orders" / "orders.csv").unlink()
    assert preview(shop).code == 66
    assert preview(shop, "--since", "32-11-2026").code == 2


def test_amounts_are_compared_with_earlier_orders(shop: Shop) -> None:
    shop.orders(*[shop.order(str(n), total=f"{100 + n}.00", purchased_at=shop.day(3)) for n in range(40)])
    shop.run()
    shop.wait(days=1)
    shop.orders(*[shop.order(str(n), total=f"{100 + n}00", purchased_at=shop.day(2)) for n in range(100, 140)])

    said = preview(shop, "--json")

    assert said.code == 1
    assert codes(said) == {"unusual_amount", "nothing_sendable"}


def test_a_database_is_previewed(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    path = shop.home / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders(id, mail, total, currency, sku, at, state)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, 'DKK', 'SKU-1', ?, 'completed')",
            [(n, f"ida.{n}@{DOMAIN}", 100 + n, f"{shop.day(2)} 12:00:00") for n in range(3)],
        )
    columns = {"order_id": "id", "email": "mail", "amount": "total", "product_ids": "sku", "purchased_at": "at"}
    mapped = {**dict.fromkeys(COLUMNS), **columns, "currency": "currency", "status": "state"}
    query = "SELECT * FROM orders WHERE at >= :since AND at < :until"
    sql = {"kind": "sql", "url": f"sqlite:///{path}", "query": query, "path": None, "columns": mapped}
    shop.configure(source=sql)

    said = preview(shop, "--json")

    assert (said.code, said.json["sendable"]) == (0, 3), said
    assert said.json["rows"][0]["place"] == "query row 1"


@pytest.fixture(params=["woocommerce", "shopify"])
def system(request: pytest.FixtureRequest, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shop system with 200 orders, whose products are named by their SKU."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    secrets: dict[str, Any]
    if request.param == "woocommerce":
        shop.sandbox.shop = WooCommerce(WooCommerceOrders(200, shop.now, 6), [], shop.clock)
        test_woocommerce.configure(shop, product_id="sku")
        secrets = {"CONSUMER_KEY": "ck_sandbox", "CONSUMER_SECRET": "cs_sandbox"}
    else:
        shop.sandbox.shop = Shopify(ShopifyOrders(200, shop.now, 6), [], shop.clock)
        test_shopify.configure(shop, product_id="sku")
        secrets = {"CLIENT_ID": "sandbox-client", "CLIENT_SECRET": "shpss_sandbox"}
    shop.environment |= {f"CONVERSIONS_SOURCE__{name}": value for name, value in secrets.items()}
    return str(request.param)


def test_a_shop_system_is_previewed_as_it_is_then_sent(shop: Shop, system: str) -> None:
    said, run = preview(shop, "--json", "--rows", "1000"), shop.run()

    document = said.json
    for name in NAMES:
        states = [row["destinations"][name]["state"] for row in document["rows"] if row.get("destinations")]
        assert states.count("pending") == run.counts(name)["sent"]
    assert document["orders"] == run.json["source"]["orders"]
    notes = {note["code"]: note["count"] for note in document["notes"]}
    assert notes["without_sku"] == run.json["source"]["without_sku"] > 0
    assert ("not_paid" in notes) == (system == "woocommerce")
    assert "@" not in said.out


def test_a_preview_of_a_shop_system_has_the_orders_of_its_days_only(shop: Shop, system: str) -> None:
    shop.run()
    shop.wait(days=20)
    shop.run()
    if system == "woocommerce":
        shop.sandbox.shop.refund(FIRST_ID, Decimal("1.00"))  # type: ignore[union-attr]
    shop.wait(days=1)

    document = preview(shop, "--json").json

    assert (document["orders"], document["rows"], document["counts"]["results"]) == (0, [], [])


def test_a_shop_system_without_a_key_names_the_key(shop: Shop) -> None:
    test_woocommerce.configure(shop)
    said = preview(shop)
    assert said.code == 78
    assert "CONVERSIONS_SOURCE__CONSUMER_KEY" in said.err
