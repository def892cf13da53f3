"""Whatever a cell holds: the good orders go, and nothing of it is said, kept or sent that may not."""

import pytest

from tests.e2e.said import DOMAIN, stopped
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop

NASTY = {
    "an address": f"ida@{DOMAIN}",
    "an address with a name": f'"Ida Holm" <ida@{DOMAIN}>',
    "an address quoted for a URL": f"ida%40{DOMAIN}",
    "an address with a full-width sign": f"ida\uff20{DOMAIN}",
    "an address with a small sign": f"ida\ufe6b{DOMAIN}",
    "a link to an address": f"mailto:ida@{DOMAIN}?subject=hej",
    "Danish": "Rødgrød med fløde",
    "NUL": "a\0b",
    "a formula": '=HYPERLINK("http://shop.example/?x="&A1,"look")',
    "a command": "=cmd|' /C calc'!A0",
    "HTML": "<script>alert('Ø')</script>",
    "JSON": '","email":"x","y":"',
    "a JSON list": '["SKU-1", "SKU-2"]',
    "a list of JSON objects": f'[{{"sku": "A", "email": "ida@{DOMAIN}"}}]',
    "nothing": "NULL",
    "an address behind an apostrophe": f"'ida@{DOMAIN}",
    "another currency": "€12",
    "a day of Excel": "46354.427",
    "SQL": "'); DROP TABLE delivery; --",
    "a format": "%s %n {0} {x!r} $(id) `id`",
    "terminal commands": "\x1b[2J\x1b]0;owned\x07",
    "right to left": "\u202e123\u2066",
    "several lines": "a\nb\r\nc",
    "long": "x" * 5000,
    "emoji": "\U0001f6d2\u200d\U0001f469",
    "digits of elsewhere": "\u0661\u0662\u0663",
    "blank": " \t\u00a0 ",
    "a number that is none": "NaN",
    "infinity": "-Infinity",
    "exponent": "1e999",
    "a digest": digest(f"ida@{DOMAIN}"),
}


@pytest.mark.parametrize("nasty", NASTY)
def test_whatever_a_cell_holds_the_good_orders_go_and_nothing_of_it_is_said_or_sent(shop: Shop, nasty: str) -> None:
    """One order for each column with the cell in it, one with it in all of them, and a good one behind."""
    value = NASTY[nasty]
    columns = list(shop.order())
    rows = [shop.order(**{"order_id": f"at-{column}"} | {column: value}) for column in columns]
    everywhere = dict.fromkeys(columns, value)
    shop.addresses.discard(value)
    others = [shop.order(f"other-{n}") for n in range(60)]  # so many that a dozen spoilt ones are no alarm
    shop.orders(*rows, everywhere, shop.order("good"), *others)
    plan, said = shop.plan(), shop.run()
    assert said.code == 0, said
    source = said.json["source"]
    parts = (source["orders"], source["repeated"], source["outside_window"], sum(source["quarantined"].values()))
    assert sum(parts) == source["rows"] == len(columns) + 2 + len(others)
    for name in NAMES:
        assert said.at(name)["difference"] == plan.at(name)["difference"] == 0
        assert shop.received(name)["refused"] == {}
        assert digest(f"ida.good@{DOMAIN}") in {sale.digest for sale in shop.sales(name)}
        for body in shop.bodies(name):
            assert body.isascii()
            assert b"@" not in body
            assert DOMAIN.encode() not in body
    for command in (["run"], ["plan"], ["status"], ["audit", "list"], ["audit", "export", "--format", "csv"]):
        shown = shop.command(*command)
        assert shown.code == 0, shown
        assert all(text.isprintable() for text in shown.out.lstrip("\ufeff").splitlines()), shown.out


def test_an_address_given_as_a_reason_is_not_kept(shop: Shop) -> None:
    shop.orders(shop.order())
    stopped(shop.run("--reason", f"asked by ida@{DOMAIN}"), 2, "--reason")
    assert shop.requests() == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_cannot_show_a_name_does_not_spoil_the_run(real_shop: Shop, encoding: str) -> None:
    shop = real_shop
    shop.environment |= {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    shop.orders(shop.order("Ø-1→2", product_ids="Rød"), shop.order("2"))
    said = shop.process("run")
    assert said.code == 0, said
    assert shop.process("status").code == 0
