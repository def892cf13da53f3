"""Files that are no export of orders, and rows that cannot be one."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import OpenShop
from tests.e2e.said import DOMAIN, NO_INPUT, TRY_AGAIN, stopped
from tests.e2e.shop import NAMES, Shop


def good_and(shop: Shop, *lines: bytes) -> bytes:
    """A file with one good order, and *lines* behind it."""
    shop.orders(shop.order())
    return (shop.home / "orders" / "orders.csv").read_bytes() + b"".join(lines)


def line(shop: Shop, **changes: str) -> bytes:
    return ",".join(shop.order(**changes).values()).encode()


UNREADABLE: dict[str, Callable[[Shop], bytes]] = {
    "UTF-16 without BOM": lambda shop: good_and(shop).decode().encode("utf-16-le"),
    "a spreadsheet": lambda shop: b"PK\x03\x04" + os.urandom(2000),
    "a header in latin-1": lambda shop: good_and(shop).replace(b"total", "beløb".encode("latin-1")),
}
FOREIGN: dict[str, Callable[[Shop], bytes]] = {
    "no header": lambda shop: b"".join(good_and(shop).splitlines(keepends=True)[1:]),
    "empty": lambda shop: b"",
    "white space": lambda shop: b"\n\n",
    "HTML": lambda shop: b"<!DOCTYPE html>\n<html><body>Log in, ida@kunde.example</body></html>\n",
    "a column less": lambda shop: good_and(shop).replace(b"total", b"sum"),
    "a column twice": lambda shop: good_and(shop).replace(b"refunded", b"total"),
    "an address for a header": lambda shop: good_and(shop).replace(b"total", f"ida@{DOMAIN}".encode()),
    "titles above a line that may be an order": lambda shop: line(shop) + b"\n" + good_and(shop),
}


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_file_that_cannot_be_read_stops_before_anything_else(shop: Shop, content: str) -> None:
    shop.orders(shop.order("2"), name="good.csv")
    shop.file(UNREADABLE[content](shop))
    for command in ("run", "plan"):
        stopped(shop.command(command, "--json"), NO_INPUT, "orders.csv")
        shop.assert_untouched()


def test_a_packed_file_that_was_cut_off_is_not_read_in_part(shop: Shop) -> None:
    rows = [line(shop, order_id=str(number)) + b"\n" for number in range(9000)]
    shop.orders(shop.order("2"), name="good.csv")
    shop.file(gzip.compress(good_and(shop, *rows))[:-20])
    for command in ("plan", "run"):
        stopped(shop.command(command, "--json"), NO_INPUT, "orders.csv is damaged or not complete")
    assert shop.requests() == 0


@pytest.mark.parametrize("content", FOREIGN)
def test_a_file_that_is_no_export_of_orders_stops_only_itself_and_is_never_green(shop: Shop, content: str) -> None:
    """The window stays open, so that its orders are read once the file is corrected."""
    made = FOREIGN[content](shop)
    shop.file(made)
    for command in ("run", "plan"):
        stopped(shop.command(command, "--json"), NO_INPUT, "orders.csv")
        shop.assert_untouched()
    shop.orders(shop.order("2"), name="good.csv")
    assert shop.plan().code == 1
    first, second = shop.run(), shop.run()
    assert [first.counts("meta"), second.counts("meta")] == [{"sent": 1}, {"already_sent": 1}]
    for said in (first, second):
        assert said.code == 1
        assert (
            "1 file was not read. Correct the export, or move what holds no orders out of source.path; then `conversions run`. orders.csv "
            in " ".join(said.json["needs_a_person"])
        )
    shop.wait(days=9)
    shop.orders(shop.order("3", purchased_at=shop.order("2")["purchased_at"]))
    shop.orders(shop.order("2"), name="good.csv")
    assert shop.run().counts("meta")["sent"] == 1


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "sep= after a BOM": lambda text: b'\xef\xbb\xbf"sep=,"\r\n' + text,
    "a title": lambda text: b"Orders of November\n\n" + text,
    "a header in capitals": lambda text: text.partition(b"\n")[0].upper() + b"\n" + text.partition(b"\n")[2],
}


@pytest.mark.parametrize("form", PACKED)
def test_an_export_as_people_save_it_is_read(shop: Shop, form: str) -> None:
    shop.file(PACKED[form](good_and(shop)))
    assert (shop.run().counts("meta"), shop.run().code) == ({"sent": 1}, 0)


def test_no_file_at_all_is_said(shop: Shop) -> None:
    stopped(shop.run(), NO_INPUT, "orders/*.csv")
    shop.assert_untouched()


def test_a_file_still_being_written_is_left_for_the_next_run(shop: Shop) -> None:
    shop.orders(shop.order("1"), name="done.csv")
    shop.orders(shop.order("2"), name="under-way.csv", hours_ago=0.001)
    said = shop.run()
    assert said.counts("meta") == {"sent": 1}
    assert [name.partition(" ")[0] for name in said.json["source"]["left_for_later"]] == ["under-way.csv"]
    shop.wait(hours=1)
    assert shop.run().counts("meta") == {"already_sent": 1, "sent": 1}


def test_when_every_file_is_still_being_written_it_says_try_again(shop: Shop) -> None:
    shop.orders(shop.order(), hours_ago=0.001)
    stopped(shop.run(), TRY_AGAIN, "orders.csv")
    assert shop.requests() == 0


SPOILT_ROWS: dict[str, tuple[Callable[[Shop], bytes], dict[str, int]]] = {
    "latin-1": (lambda s: line(s, order_id="2", product_ids="Kjøle").decode().encode("latin-1") + b"\n", {"not_text": 1}),
    "truncated": (lambda s: line(s, order_id="2")[:-30], {"unfinished_line": 1}),
    "no newline": (lambda s: line(s, order_id="2"), {"unfinished_line": 1}),
    "a field less": (lambda s: line(s, order_id="2").rpartition(b",")[0] + b"\n", {"wrong_field_count": 1}),
    "NUL": (lambda s: line(s, order_id="2").replace(b"SKU-1", b"SKU\0") + b"\n", {"not_text": 1}),
    "an open quote": (lambda s: b'"' + line(s, order_id="2") + b"\n" + line(s, order_id="3") + b"\n", {"wrong_field_count": 1}),
    "a 50 MB cell": (lambda s: line(s, order_id="2").replace(b"SKU-1", b"x" * 50_000_000) + b"\n", {"cell_too_large": 1}),
    "a 50 MB line without end": (lambda s: b"x" * 50_000_000, {"cell_too_large": 1}),
}  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT_ROWS)
def test_a_row_that_cannot_be_an_order_does_not_stop_the_others(shop: Shop, spoilt: str) -> None:
    make, reasons = SPOILT_ROWS[spoilt]
    content = good_and(shop, make(shop))
    behind = (
        b"" if spoilt in ("truncated", "no newline", "a 50 MB line without end") else line(shop, order_id="9") + b"\n"
    )
    shop.file(content + behind)
    said = shop.run()
    cut_off = "unfinished_line" in reasons
    assert (said.code, said.json["source"]["quarantined"]) == (int(cut_off), reasons)
    assert ["Was the export cut off?" in told for told in said.json.get("needs_a_person", [])] == [True] * cut_off
    orders = said.json["source"]["orders"]
    assert orders == 1 + bool(behind) + (spoilt == "an open quote")
    assert [said.counts(name) for name in NAMES] == [{"sent": orders}] * 2
    assert {row["why"] if "why" in row else row["reason"] for row in shop.status()["bad_rows"]} == set(reasons)


def test_a_file_that_was_cut_off_is_told_once_and_mended_by_the_next(shop: Shop) -> None:
    cut, whole = good_and(shop, line(shop, order_id="2")), good_and(shop, line(shop, order_id="2") + b"\n")
    shop.file(cut)
    assert shop.plan().code == 1
    assert [shop.run().code for _ in range(2)] == [1, 0]
    shop.file(whole)
    assert shop.run().counts("meta") == {"already_sent": 1, "sent": 1}


def test_many_open_quotes_swallow_nobody(shop: Shop) -> None:
    rows = [line(shop, order_id=str(number)) + b"\n" for number in range(5000, 8000)]
    shop.file(good_and(shop, *(b'"' * (nth % 10 == 0) + row for nth, row in enumerate(rows))))
    said = shop.run()
    assert said.json["source"]["quarantined"] == {"wrong_field_count": 300}
    assert said.counts("meta") == {"sent": 2701}


def test_many_bad_rows_need_a_person_and_the_good_ones_are_sent(shop: Shop) -> None:
    shop.orders(shop.order(), *(shop.order(str(number), total="12,5,0") for number in range(2, 40)))
    said = shop.run()
    assert (said.code, said.counts("meta")) == (1, {"sent": 1})
    assert "38 of the 39 newest orders" in " ".join(said.json["needs_a_person"])


def test_names_mapped_as_product_ids_do_not_leave_and_need_a_person(shop: Shop) -> None:
    """Everything is quarantined at every destination: a mapping gone wrong, not a calm night."""
    shop.orders(*(shop.order(str(number), product_ids="Rød kjole, str. M") for number in range(40)))
    said = shop.run()
    assert [said.counts(name) for name in NAMES] == [{"quarantined": {"bad_product_id": 40}}] * 2
    assert shop.requests() == 0
    assert said.code == 1


def test_huge_amounts_of_others_do_not_stop_the_accounting(shop: Shop) -> None:
    shop.orders(shop.order(), *(shop.order(f"x{n}", total="999999999999.999999") for n in range(12)))
    said = shop.run()
    assert said.counts("meta") == {"sent": 1, "quarantined": {"too_many_decimals": 12}}
    assert [said.at(name)["difference"] for name in NAMES] == [0, 0]
    assert shop.plan().counts("meta") == {"already_sent": 1, "quarantined": {"too_many_decimals": 12}}


@pytest.mark.parametrize("name", ["Ø shop", "shop #1", "100% shop", "a%20b", "what?", "shop [1]", "a;b&c=d"])
def test_a_shop_may_live_in_any_directory(tmp_path: Path, open_shop: OpenShop, name: str) -> None:
    with open_shop(tmp_path / name) as shop:
        shop.orders(shop.order())
        assert shop.run().counts("meta") == {"sent": 1}
        assert shop.run().counts("meta") == {"already_sent": 1}
        assert shop.store.exists()
        assert [path.name for path in tmp_path.iterdir()] == [name]
