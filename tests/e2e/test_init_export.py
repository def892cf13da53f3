"""``init --from`` an export, then ``source preview`` and ``run``: nothing is written by hand but what only people know."""

from decimal import Decimal
from pathlib import Path

import pytest

from conversions.cli import main
from tests.e2e.said import DOMAIN
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop
from tests.e2e.test_exports import EXPORTS, SOLD, leave_out_products

BASIS = ("--legal-basis", "legitimate_interest", "--rehearsal")


def begin(shop: Shop, export: Path, *arguments: str) -> int:
    """Write the settings as ``init`` does, for the shop's own sandbox."""
    shop.config.unlink()
    code = main(["init", str(shop.home), "--from", str(export), *BASIS, *arguments])
    if code == 0:
        text = shop.config.read_text().replace("http://127.0.0.1:8085", shop.sandbox.url)
        shop.config.write_text(text)
    return code


@pytest.mark.parametrize("preset", SOLD)
def test_a_known_export_is_sent_after_init_alone(shop: Shop, preset: str) -> None:
    export = shop.file((EXPORTS / f"{preset}.csv").read_bytes())
    own, sold = SOLD[preset]
    if all(len(values) == 1 for values in sold.values()):
        leave_out_products(shop)
    words = [part for word in own.get("completed", ()) for part in ("--completed", word)]
    currency = ["--currency", own["currency"]] if "currency" in own else []

    assert begin(shop, export, *words, *currency) == 0
    assert shop.command("source", "preview", "--json").json["counts"]["unreadable"] == []
    shop.run()

    for name in NAMES:
        assert {(sale.digest, sale.value, *sale.products) for sale in shop.sales(name)} == {
            (digest(f"{who}@{DOMAIN}"), Decimal(amount), *products) for who, (amount, *products) in sold.items()
        }


def test_a_danish_export_of_items_is_sent_after_init_alone(shop: Shop) -> None:
    rows = [
        "Ordrenr.;Dato;Kundens e-mail;Varenummer;Antal;Stykpris;Total inkl. moms;Valuta;Ordrestatus",
        f"1;20-11-2026 12:00;ida.1@{DOMAIN};KRUS-1;2;1.049,50;2.399,00;DKK;Gennemført",
        f"1;20-11-2026 12:00;ida.1@{DOMAIN};LYS-7;1;300,00;2.399,00;DKK;Gennemført",
        f"2;19-11-2026 09:30;bo.2@{DOMAIN};LYS-7;1;300,00;300,00;DKK;Gennemført",
        f"3;19-11-2026 09:40;eva.3@{DOMAIN};LYS-7;1;300,00;300,00;DKK;Annulleret",
        f"4;18-11-2026 09:40;eva.3@{DOMAIN};LYS-7;1;300,00;300,00;DKK;Annulleret",
    ]
    export = shop.file("".join(f"{row}\r\n" for row in rows).encode("windows-1252"))

    assert begin(shop, export, "--completed", "Gennemført") == 0
    assert shop.command("source", "preview", "--json").json["counts"]["unreadable"] == []
    shop.run()

    for name in NAMES:
        assert {(sale.digest, sale.value, *sale.products) for sale in shop.sales(name)} == {
            (digest(f"ida.1@{DOMAIN}"), Decimal("2399.00"), "KRUS-1", "LYS-7"),
            (digest(f"bo.2@{DOMAIN}"), Decimal("300.00"), "LYS-7"),
        }


def test_nothing_is_sent_while_a_column_that_was_not_found_is_open(shop: Shop) -> None:
    export = shop.file(f"Order number,Email,Date,Status\n1,ida.1@{DOMAIN},2026-11-20,completed\n".encode())

    leave_out_products(shop)

    assert begin(shop, export) == 0
    said = shop.run()

    assert said.code == 66
    assert "source.columns.amount" in said.json["sentence"]
