"""A WooCommerce shop's own database, in real MariaDB: its orders at both platforms, its SQL in its own client."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from conversions.sandbox.woocommerce.orders import Orders
from tests.e2e import servers
from tests.e2e.shop import NAMES, Shop
from tests.intake.sources.woocommerce_database import PRESETS, fill, opened

every_preset = pytest.mark.parametrize("preset", PRESETS)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with servers.mariadb() as address:
        yield address


def configure(shop: Shop, url: str, preset: str, **source: Any) -> None:
    settings = {
        "kind": "sql",
        "preset": preset,
        "completed": ["completed", "processing"],
        "consent_meta": "_ad_consent",
        "renewals": "withhold",
        "path": None,
        "columns": None,
    }
    shop.configure(source={**settings, **source}, privacy={"legal_basis": "consent"})
    shop.environment["CONVERSIONS_SOURCE__URL"] = url


def sold(shop: Shop, count: int = 200) -> list[dict[str, Any]]:
    """Orders of the last days, without the drafts that stay in the browser."""
    orders = Orders(count, shop.now, 6)
    return [order for order in map(orders.order, range(count)) if order["status"] != "checkout-draft"]


def in_client(url: str, statement: str) -> list[list[str]]:
    """What the database's own client prints, cell by cell."""
    socket = url.partition("unix_socket=")[2]
    client = ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root", "--batch", "--raw", "shop"]
    printed = subprocess.run(client, input=statement, capture_output=True, text=True, check=True, timeout=60)
    return [line.split("\t") for line in printed.stdout.splitlines()]


@every_preset
def test_a_night_sends_the_orders_and_the_next_one_none_of_them_again(shop: Shop, url: str, preset: str) -> None:
    fill(url, preset, sold(shop))
    configure(shop, url, preset)

    first, second = shop.run(), shop.run()

    assert first.code == 0, first
    sent = [len(shop.events(name)) for name in NAMES]
    assert min(sent) > 50
    assert second.code == 0, second
    assert [len(shop.events(name)) for name in NAMES] == sent


@every_preset
def test_a_refund_of_an_old_order_is_seen_by_the_nightly_run(shop: Shop, url: str, preset: str) -> None:
    orders = sold(shop)
    fill(url, preset, orders)
    configure(shop, url, preset)
    shop.run()
    shop.wait(days=20)
    shop.run()
    before = shop.received("google")["events"]
    ((number,),) = shop.sql(
        "SELECT s.order_no FROM sale s JOIN delivery d ON d.sale = s.id WHERE d.state = 'received' LIMIT 1"
    )
    changed_at = f"{shop.now - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    refund = {"refunds": [{"total": "-1.00"}], "date_modified_gmt": changed_at}
    fill(url, preset, [{**order, **(refund if str(order["id"]) == number else {})} for order in orders])

    named = shop.run("--since", shop.day(1), "--until", shop.day(1))
    nightly = shop.run()

    assert named.json["source"]["orders"] == 0
    assert nightly.json["source"]["orders"] == 1
    (change,) = nightly.at("google")["changes"]
    assert change["order"] == number
    assert shop.received("google")["events"] == before


@every_preset
def test_the_printed_query_runs_as_it_is_in_the_database_s_own_client(shop: Shop, url: str, preset: str) -> None:
    orders = sold(shop)
    fill(url, preset, orders)
    configure(shop, "mysql+pymysql://nobody@192.0.2.1/none", preset)

    printed = shop.command("source", "query")
    header, *rows = in_client(url, printed.out)

    assert {"id", "status", "line_items", "refunds"} <= {*header}
    assert len(rows) == len(orders)
    assert shop.command("source", "query", "--json").json["query"] == printed.out.removesuffix("\n")
    in_client(url, shop.command("source", "query", "--view", "orders_for_ads").out)
    assert in_client(url, "SELECT COUNT(*) FROM orders_for_ads")[1] == [str(len(orders))]
    configure(shop, url, preset, view="orders_for_ads")
    assert shop.run().code == 0
    assert len(shop.events("google")) > 50


@every_preset
def test_another_preset_prefix_or_view_waits_for_an_approval(shop: Shop, url: str, preset: str) -> None:
    fill(url, preset, sold(shop, 60))
    configure(shop, url, preset)
    shop.run()

    for setting, value in (("view", "orders_for_ads"), ("table_prefix", "wp2_"), ("unpaid", "send")):
        configure(shop, url, preset, **{setting: value})
        said = shop.run()
        assert said.code == 78, said
        assert f"source.{setting}" in said.err


@every_preset
def test_doctor_says_which_tables_are_out_of_use_and_which_preset_is_right(shop: Shop, url: str, preset: str) -> None:
    fill(url, preset, sold(shop, 60))
    configure(shop, url, preset)
    enabled = "no" if preset == PRESETS[0] else "yes"
    with opened(url).begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO wp_options (option_name, option_value) "
            f"VALUES ('woocommerce_custom_orders_table_enabled', '{enabled}')"
        )

    found = [one for one in shop.command("doctor", "--json").json["findings"] if "other tables" in one["sentence"]]

    (other,) = {*PRESETS} - {preset}
    assert [one["level"] for one in found] == ["problem"]
    assert f'source.preset = "{other}"' in found[0]["next"]


def test_a_source_without_sql_has_no_query_to_print(shop: Shop) -> None:
    said = shop.command("source", "query")

    assert said.code == 78
    assert "[source] has no query to print" in said.err
