"""Amounts and currencies as shops write them: what can be read in two ways is not sent until something settles it."""

from decimal import Decimal

import pytest

from tests.e2e.shop import NAMES, Row, Shop
from tests.e2e.texts import export

DOUBTFUL = "ambiguous_amount"


def orders(shop: Shop, *totals: str, **changes: str) -> list[Row]:
    """Each of a product of its own."""
    return [shop.order(str(1001 + n), total=t, product_ids=f"SKU-{n}", **changes) for n, t in enumerate(totals)]


def values(shop: Shop, name: str = "meta") -> list[Decimal]:
    return sorted(Decimal(str(sale.value)) for sale in shop.sales(name))


@pytest.mark.parametrize(
    "totals", [("1.200", "12.340", "249.000"), ("1.200", "249.90", "100.00"), ("+1.200", "-1.200")]
)
def test_three_digits_behind_a_point_are_refused(shop: Shop, totals: tuple[str, ...]) -> None:
    shop.orders(*orders(shop, *totals))
    plan, said = shop.plan(), shop.run()

    doubtful = sum(total[-4] == "." for total in totals)
    for one in (plan, said):
        assert one.json["source"]["quarantined"] == {DOUBTFUL: doubtful}
        assert one.json["source"]["orders"] == len(totals) - doubtful
    assert values(shop) == sorted(Decimal(total) for total in totals if total[-4] != ".")
    places = shop.sql("SELECT place, order_no, field, length(content) FROM row_rejected ORDER BY id")
    at = [n for n, total in enumerate(totals) if total[-4] == "."]
    assert places == [(f"orders.csv row {n + 2}", str(1001 + n), "amount", 16) for n in at]


@pytest.mark.parametrize("settling", ["1234.500", "0.500", "12345.670"])
def test_one_amount_of_the_window_settles_it_for_all(shop: Shop, settling: str) -> None:
    shop.orders(*orders(shop, "1.200", "12.340", settling))

    assert shop.run().json["source"]["quarantined"] == {}
    assert values(shop) == sorted(map(Decimal, ("1.2", "12.34", settling)))


def test_an_amount_outside_the_window_settles_nothing(shop: Shop) -> None:
    old = shop.order("1", total="1234.500", purchased_at=f"{shop.day(30)} 12:00:00")
    shop.orders(old, *orders(shop, "1.200"))

    assert shop.run().json["source"]["quarantined"] == {DOUBTFUL: 1}


def test_each_column_is_settled_by_its_own_cells(shop: Shop) -> None:
    rows = orders(shop, "1234.500", "2000.500")
    shop.orders(rows[0] | {"refunded": "1.100"}, rows[1])

    said = shop.run()
    assert said.json["source"]["quarantined"] == {DOUBTFUL: 1}
    assert shop.sql("SELECT order_no, field FROM row_rejected") == [("1001", "refunded")]
    assert values(shop) == [Decimal("2000.5")]


def test_three_decimals_can_be_declared(shop: Shop) -> None:
    shop.configure(source={"format": {"decimals": 3}})
    shop.orders(*orders(shop, "1.200", "12.340"))

    assert shop.run().json["source"]["quarantined"] == {}
    assert values(shop) == [Decimal("1.2"), Decimal("12.34")]


def test_a_currency_of_three_decimals_and_surplus_zeros_are_no_doubt(shop: Shop) -> None:
    shop.orders(shop.order("1", total="12.345", currency="KWD"), *orders(shop, "29.35000000", "1200", "29.35"))

    assert shop.run().json["source"]["quarantined"] == {}
    assert values(shop) == sorted(map(Decimal, ("12.345", "29.35", "1200", "29.35")))


def test_the_same_order_in_a_second_file_goes_by_the_row_that_is_clear(shop: Shop) -> None:
    shop.orders(*orders(shop, "1200.00"), name="a.csv", hours_ago=3)
    shop.orders(*orders(shop, "1.200"), name="b.csv")

    said = shop.run()
    source = said.json["source"]
    assert (source["rows"], source["orders"], source["repeated"], source["quarantined"]) == (2, 1, 0, {DOUBTFUL: 1})
    assert values(shop) == [Decimal(1200)]


def test_damage_that_moves_within_its_file_is_the_same_and_new_damage_is_other(shop: Shop) -> None:
    contents = "SELECT content FROM row_rejected WHERE run = (SELECT max(id) FROM run) ORDER BY id"
    shop.orders(*orders(shop, "1,0,0", "2.000"))
    shop.run()
    before = shop.sql(contents)
    shop.orders(shop.order("7"), *orders(shop, "1,0,0", "2.000"), shop.order("8", total="1,0,0"), name="c.csv")
    shop.file(b"", "orders.csv").unlink()
    shop.run()

    after = shop.sql(contents)
    assert set(before) < set(after)
    assert (len(before), len(after)) == (2, 3)


def test_a_shop_without_a_column_of_currencies_names_the_one_it_has(shop: Shop) -> None:
    row = shop.order()
    del row["currency"]
    shop.file(export(row, [row]))

    shop.configure(source={"columns": {"currency": None}})
    said = shop.run()
    assert said.code == 78
    assert 'set source.currency = "DKK"' in said.err
    shop.configure(source={"currency": "DKK", "columns": {"currency": None}})
    assert [shop.run().counts("meta") for _ in range(2)] == [{"sent": 1}, {"already_sent": 1}]
    assert {sale.currency for name in NAMES for sale in shop.sales(name)} == {"DKK"}


def test_what_the_shop_writes_for_a_currency_is_understood_once_it_is_declared(shop: Shop) -> None:
    shop.orders(*orders(shop, "100.00", "50.00", currency="kr"), shop.order("7", currency="Kr."))

    assert shop.run().counts("meta") == {"quarantined": {"unknown_currency": 3}}
    shop.configure(source={"currency_aliases": {"KR": "DKK", '"kr."': "DKK"}})
    shop.approve()
    assert shop.run().counts("meta") == {"sent": 3}
    assert {sale.currency for sale in shop.sales("meta")} == {"DKK"}


def test_an_export_of_a_danish_spreadsheet_is_sent_to_the_last_oere(shop: Shop) -> None:
    day = f"{int(shop.day(2)[8:])}.{int(shop.day(2)[5:7])}.{shop.day(2)[:4]} 9.05"
    totals = ("1.234,50", "kr. 129,00", "1.200", "49,90 kr", "1\u00a0250,00", "(75,00)", "'-10,00", "100,-")
    shop.configure(source={"format": {"decimal_mark": ",", "dates": "dmy"}})
    shop.orders(*orders(shop, *totals, purchased_at=day, refunded="NULL"))
    said = shop.run()

    assert said.json["source"]["quarantined"] == {}
    assert said.counts("meta")["sent"] == 6
    assert values(shop) == [Decimal(value) for value in ("49.90", "100", "129", "1200", "1234.50", "1250")]


def test_what_is_doubtful_names_the_setting_and_goes_once_that_is_approved(shop: Shop) -> None:
    shop.orders(*orders(shop, "1,200", "2,345"), shop.order("8", total="kr 999.500"), shop.order("9"))
    said = shop.run()

    assert said.json["source"]["quarantined"] == {DOUBTFUL: 3}
    assert "Set decimal_mark in [source.format]" in str(said.json)
    shop.configure(source={"format": {"decimal_mark": "."}})
    assert "source.format.decimal_mark" in shop.run().err
    shop.approve()
    assert shop.run().counts("meta")["sent"] == 3
    assert values(shop) == [Decimal(value) for value in ("100", "999.50", "1200", "2345")]


def test_minor_units_are_divided_by_the_currencys_own(shop: Shop) -> None:
    shop.configure(source={"format": {"minor_units": True}})
    shop.orders(
        *orders(shop, "19900", "5000"), shop.order("7", total="199.00"), shop.order("8", total="990", currency="JPY")
    )
    said = shop.run()

    assert said.json["source"]["quarantined"] == {"bad_amount": 1}
    assert values(shop) == [Decimal(50), Decimal(199), Decimal(990)]


def test_an_amount_in_another_currency_than_its_order_spoils_that_row_only(shop: Shop) -> None:
    shop.orders(*orders(shop, "€100", "100 SEK", "100 DKK", "kr. 100"))
    said = shop.run()

    assert said.json["source"]["quarantined"] == {"other_currency": 2}
    assert values(shop) == [Decimal(100)] * 2


def test_orders_of_tests_are_left_out_and_the_column_is_a_rule(shop: Shop) -> None:
    shop.orders(shop.order("1", ads_consent="Ja"), shop.order("2", ads_consent="nej"))
    mapped = {"columns": {"consent": None, "test": "ads_consent"}}
    shop.configure(source=mapped)

    assert shop.run().counts("meta") == {"sent": 1, "withheld": {"test_order": 1}}
    shop.configure(source={**mapped, "test_values": ["staff"]})
    assert "source.test_values" in shop.run().err
    shop.configure(source=mapped)
    assert shop.run().counts("meta") == {"already_sent": 1, "withheld": {"test_order": 1}}


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (("28-11-2026", "03-11-2026"), 'The day comes first: set dates = "dmy"'),
        (("11/28/2026 10:15 AM", "11/03/2026 9:05 PM"), 'The month comes first: set dates = "mdy"'),
        (("12-11-2026", "11-12-2026"), "such as in orders.csv row 2, orders.csv row 3"),
        (("28-11-2026", "11-28-2026"), "no setting can tell apart"),
        (("46354.427", "46355"), 'set dates = "excel"'),
        (("1796000000", "1796000001"), 'set dates = "unix"'),
        (("soon", "later"), "Write dates as 2026-11-29"),
    ],
)
def test_dates_that_cannot_be_read_name_the_setting_that_fits(shop: Shop, dates: tuple[str, ...], words: str) -> None:
    shop.orders(*(shop.order(str(n), purchased_at=date) for n, date in enumerate(dates)))
    said = shop.run()

    assert said.code == 1
    assert said.json["source"]["quarantined"] == {"bad_date": 2}
    assert words in str(said.json)
