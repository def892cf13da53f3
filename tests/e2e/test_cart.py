"""Quantity and unit price are sent from the day of their approval on, and never for an older order; or no products."""

import json
import re
from hashlib import sha256

import orjson
import pytest

from tests.destinations.specimens import SHIPPED
from tests.e2e.shop import COLUMNS, NAMES, ZONE, Row, Shop
from tests.e2e.test_first_nights import online
from tests.e2e.test_platform_words import warned
from tests.e2e.texts import export

OK = 0
MAPPED = {**COLUMNS, "quantities": "pieces", "unit_prices": "prices"}
SENTENCE = "Vi videregiver din e-mailadresse, beløbet, datoen og for hver vare produkt-id, antal og stykpris."
PRODUCT_PATHS = ("merchantProductId", "itemId", "content_ids[]")
BLOCK = (SHIPPED.parents[1] / "docs" / "cart-data.md").read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]


def lines(kind: str) -> str:
    """The documented lines, as a person pastes them."""
    (found,) = re.findall(rf"^{kind} = \[\n(.*?)^\]", BLOCK, re.MULTILINE | re.DOTALL)
    return str(found)


def write_policy(shop: Shop, version: str, effective: str, *, cart: bool = True, sentence: str = SENTENCE) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    text = re.sub(r"^version = .*$", f'version = "{version}"', text, flags=re.MULTILINE)
    text = re.sub(r"^effective = .*$", f"effective = {effective}", text, flags=re.MULTILINE)
    text = re.sub(r"^quote = .*$", f'quote = "{sentence}"', text, flags=re.MULTILINE)
    text = re.sub(
        r"^quote_sha256 = .*$", f'quote_sha256 = "{sha256(sentence.encode()).hexdigest()}"', text, flags=re.MULTILINE
    )
    if cart:
        for kind in NAMES:
            text = text.replace(f"{kind} = [\n", f"{kind} = [\n{lines(kind)}", 1)
    shop.policy.write_text(text, encoding="utf-8")


def approve(shop: Shop, version: str, effective: str, *, cart: bool = True) -> None:
    write_policy(shop, version, effective, cart=cart)
    said = shop.command("policy", "approve", "--by", "Jens Holm", "--reason", "the published sentence names them")
    assert said.code == OK, said


def sell(shop: Shop, *rows: Row) -> None:
    header = dict.fromkeys([*shop.order(), "pieces", "prices"])
    shop.file(export(header, [{"pieces": "2|1", "prices": "30.00|40.00"} | row for row in rows]))


def order(shop: Shop, number: str, back: int, **changes: str) -> Row:
    return shop.order(number, product_ids="A|B", purchased_at=f"{shop.day(back)} 12:00:00", **changes)


def carts(shop: Shop, platform: str) -> list[object]:
    """The products of each event, in order."""
    events = [orjson.loads(event) for event in shop.events(platform)]
    if platform == "google":
        return [event.get("cartData", {}).get("items") for event in events]
    custom = [event["custom_data"] for event in events]
    return [one.get("contents", one.get("content_ids")) for one in custom]


IDS = {
    "google": [{"merchantProductId": each, "itemId": each} for each in "AB"],
    "meta": ["A", "B"],
}
WHOLE = {
    "google": [
        {"merchantProductId": "A", "itemId": "A", "quantity": "2", "unitPrice": 30.0},
        {"merchantProductId": "B", "itemId": "B", "quantity": "1", "unitPrice": 40.0},
    ],
    "meta": [{"id": "A", "quantity": 2, "item_price": 30.0}, {"id": "B", "quantity": 1, "item_price": 40.0}],
}


@pytest.fixture
def mapped(shop: Shop) -> Shop:
    """A shop that maps both columns, after the first night of the shipped policy."""
    shop.configure(source={"columns": MAPPED})
    sell(shop, order(shop, "1", 2))
    assert shop.run().code == OK
    return shop


def test_the_shipped_policy_sends_ids_whatever_columns_are_mapped(mapped: Shop) -> None:
    assert [carts(mapped, name) for name in NAMES] == [[IDS[name]] for name in NAMES]
    assert b"30.0" not in b"".join(mapped.bodies("google") + mapped.bodies("meta"))


@pytest.mark.parametrize("kind", NAMES)
def test_orders_from_the_day_of_approval_on_have_them_and_older_ones_do_not(mapped: Shop, kind: str) -> None:
    approve(mapped, "2026-11", mapped.day(30))
    day = mapped.now.astimezone(ZONE).date()
    mapped.wait(days=2)
    sell(mapped, *(order(mapped, str(10 + back), back) for back in (4, 3, 2, 1)))
    said = mapped.run()
    assert said.code == OK, said
    assert mapped.day(2) == day.isoformat()
    assert carts(mapped, kind) == [IDS[kind], *[IDS[kind]] * 2, *[WHOLE[kind]] * 2]
    assert mapped.command("audit", "verify").code == OK


def test_the_published_day_counts_where_it_is_later_than_the_approval(mapped: Shop) -> None:
    approve(mapped, "2026-11", mapped.day(-3))
    mapped.wait(days=5)
    sell(mapped, *(order(mapped, str(10 + back), back) for back in (3, 2, 1)))
    assert mapped.run().code == OK
    assert carts(mapped, "google")[1:] == [IDS["google"], WHOLE["google"], WHOLE["google"]]


def test_a_later_version_that_still_lists_them_does_not_begin_anew_and_one_that_did_not_does(mapped: Shop) -> None:
    approve(mapped, "v2", mapped.day(30))
    mapped.wait(days=3)
    approve(mapped, "v3", mapped.day(30))
    sell(mapped, order(mapped, "13", 3))
    assert mapped.run().code == OK
    assert carts(mapped, "google")[-1] == WHOLE["google"]
    approve(mapped, "v4", mapped.day(30), cart=False)
    sell(mapped, order(mapped, "12", 2))
    assert mapped.run().code == OK
    assert carts(mapped, "google")[-1] == IDS["google"]
    approve(mapped, "v5", mapped.day(30))
    sell(mapped, order(mapped, "11", 1))
    assert mapped.run().code == OK
    assert carts(mapped, "google")[-1] == IDS["google"]


def test_a_first_run_under_such_a_policy_sends_older_orders_without_and_the_plan_agrees(shop: Shop) -> None:
    shop.configure(source={"columns": MAPPED})
    write_policy(shop, "2026-11", shop.day(30))
    sell(shop, order(shop, "1", 1))
    assert shop.plan().code == OK
    assert shop.run().code == OK
    assert carts(shop, "meta") == [IDS["meta"]]
    shop.wait(days=1)
    sell(shop, order(shop, "2", 1))
    assert shop.run().code == OK
    assert carts(shop, "meta")[-1] == WHOLE["meta"]


def test_a_corrected_value_of_an_older_order_goes_without_them_byte_for_byte(mapped: Shop) -> None:
    mapped.wait(hours=1)
    assert mapped.command("reconcile").code == OK
    approve(mapped, "2026-11", mapped.day(30))
    bought = mapped.sql("SELECT day FROM delivery")[0][0]
    sell(mapped, mapped.order("1", product_ids="A|B", purchased_at=f"{bought} 12:00:00", total="80.00"))
    said = mapped.run("--restate")
    assert said.at("google")["restated"] == 1
    first, second = mapped.events("google")
    assert second == first.replace(b'"conversionValue":100.0', b'"conversionValue":80.0')
    assert len(mapped.events("meta")) == 1


def test_a_corrected_value_of_a_newer_order_keeps_the_cart_that_was_sent(mapped: Shop) -> None:
    approve(mapped, "2026-11", mapped.day(30))
    mapped.wait(days=2)
    bought = mapped.day(1)
    sell(mapped, order(mapped, "2", 1))
    assert mapped.run().code == OK
    mapped.wait(hours=1)
    assert mapped.command("reconcile").code == OK
    changed = mapped.order("2", product_ids="A|B", purchased_at=f"{bought} 12:00:00", refunded="60.00")
    sell(mapped, changed | {"pieces": "1|1"})
    assert mapped.run("--restate").at("google")["restated"] == 1
    first, second = mapped.events("google")[-2:]
    assert second == first.replace(b'"conversionValue":100.0', b'"conversionValue":40.0')


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"pieces": "2"}, "cart_count"),
        ({"prices": "30.00"}, "cart_count"),
        ({"pieces": "2|x"}, "bad_quantity"),
        ({"prices": "30,0,0|40.00"}, "bad_unit_price"),
    ],
)
def test_a_bad_cart_sets_one_order_aside_where_it_would_be_sent(mapped: Shop, cells: Row, reason: str) -> None:
    approve(mapped, "2026-11", mapped.day(30))
    mapped.wait(days=2)
    sell(mapped, order(mapped, "3", 4) | cells, order(mapped, "4", 1) | cells, order(mapped, "5", 1))
    said = mapped.run()
    assert [said.counts(name) for name in NAMES] == [{"sent": 2, "quarantined": {reason: 1}}] * 2
    sell(mapped, order(mapped, "4", 1))
    assert mapped.run().counts("google") == {"sent": 1}


def test_google_s_warning_about_prices_is_a_note_whatever_the_policy_lists(mapped: Shop) -> None:
    kind = "CART_DATA_ITEM_UNIT_PRICE_MISSING"
    assert warned(mapped) == {("google", kind): 1}
    assert "does not list this part" in mapped.command("status").out
    approve(mapped, "2026-11", mapped.day(30))
    mapped.wait(days=2)
    sell(mapped, order(mapped, "2", 4), order(mapped, "3", 1))
    assert mapped.run().code == OK
    assert warned(mapped) == {("google", kind): 2}
    assert "from before the privacy policy listed unit prices" in mapped.command("status").out


def test_a_large_night_in_worker_processes_follows_the_same_days(mapped: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversions.run.workers.CHUNKS_WITHOUT_WORKERS", 0)
    approve(mapped, "2026-11", mapped.day(30))
    mapped.wait(days=2)
    sell(mapped, order(mapped, "2", 4), order(mapped, "3", 1))
    assert mapped.run().code == OK
    assert carts(mapped, "google")[1:] == [IDS["google"], WHOLE["google"]]


@pytest.mark.parametrize("has_column", [True, False])
def test_without_products_in_the_policy_no_cart_is_sent_and_none_is_asked_for(shop: Shop, has_column: bool) -> None:
    if not has_column:
        shop.configure(source={"columns": {"product_ids": None}})
    text = shop.policy.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines(keepends=True) if not any(name in line for name in PRODUCT_PATHS)]
    shop.policy.write_text("".join(kept), encoding="utf-8")
    shop.orders(shop.order("1", product_ids=""), shop.order("2"), shop.order("3", product_ids="Rød kjole"))
    said = shop.run()
    assert said.code == OK, said
    assert [carts(shop, name) for name in NAMES] == [[None] * 3] * 2
    assert b"SKU" not in b"".join(shop.bodies("google") + shop.bodies("meta"))
    assert [f["sentence"] for f in online(shop)[1]["policy"]][-2:] == [
        "Google gets no products: it reports each sale with its value, and nothing by product.",
        "Meta gets no products: ads from a catalogue cannot learn which product was bought.",
    ]


def test_a_policy_with_products_needs_their_column(shop: Shop) -> None:
    shop.configure(source={"columns": {"product_ids": None}})
    shop.orders(shop.order("1"))
    said = shop.command("run")
    assert (said.code, "source.columns.product_ids" in said.err) == (78, True)
    shop.assert_untouched()


def test_doctor_says_first_what_must_be_published_then_what_each_choice_means(shop: Shop) -> None:
    shop.orders(shop.order("1"))

    def said() -> list[tuple[str, str]]:
        found = json.loads(shop.command("doctor", "--json").out)["findings"]
        return [(f["level"], f["sentence"]) for f in found if f["about"] in {"policy", "source"}]

    policy = [sentence for _, sentence in said() if "source" not in sentence][-3:]
    assert "must say: “Når du gennemfører et køb" in policy[0]
    assert "antal og stykpris" in policy[0]
    assert "its quantity and its unit price" in policy[0]
    assert "warns that they are missing" in policy[1]
    assert "ads from a catalogue" in policy[2]
    write_policy(shop, "2026-11", shop.day(30))
    assert [level for level, sentence in said() if "no column holds them" in sentence] == ["note", "note"]
    shop.configure(source={"columns": MAPPED})
    sell(shop, order(shop, "1", 1))
    whole = said()
    assert {level for level, _ in whole} == {"ok"}
    assert any("Merchant Center" in sentence for _, sentence in whole)
    assert any(f"the approval on, and not from before {shop.day(30)}" in sentence for _, sentence in whole)
    assert shop.run().code == OK
    assert any(f"for purchases from {shop.day(0)} on" in sentence for _, sentence in said())


def test_a_sentence_that_names_neither_is_told(shop: Shop) -> None:
    write_policy(shop, "2026-11", shop.day(30))
    text = shop.policy.read_text(encoding="utf-8")
    shipped = SHIPPED.read_text(encoding="utf-8")
    for key in ("quote", "quote_sha256"):
        (mine,), (theirs,) = (re.findall(rf"^{key} = .*$", one, re.MULTILINE) for one in (text, shipped))
        text = text.replace(mine, theirs)
    shop.policy.write_text(text, encoding="utf-8")
    shop.orders(shop.order("1"))
    assert "lists quantities and unit prices, which its sentence does not name" in shop.command("doctor").out


@pytest.mark.parametrize("language", [0, 1])
def test_the_proposed_sentence_satisfies_every_check_of_a_sentence(shop: Shop, language: int) -> None:
    shop.configure(source={"columns": MAPPED})
    sell(shop, order(shop, "1", 1))
    proposed = re.findall(r"must say: “(.*?)” / “(.*?)”", shop.command("doctor").out)[0][language]
    write_policy(shop, "2026-11", shop.day(30), sentence=proposed)
    found = json.loads(shop.command("doctor", "--json").out)["findings"]
    assert {f["level"] for f in found if f["about"] == "policy"} == {"ok"}
