"""How the mapped cells of a row become an order."""

from dataclasses import astuple
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from conversions.errors import SourceError
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells.cells import MAX_CELL_CHARACTERS
from conversions.intake.sources.fields import FIELDS
from conversions.intake.sources.mapping import ColumnMap
from conversions.model.conversion import PRODUCT_ID, Consent, Reason
from conversions.settings import FileSource
from tests.intake.sources.shop import ADDRESS, ALL, KEY, MAPPED, ZONE, columns

CELLS = {
    "order_id": "1001",
    "email": ADDRESS,
    "amount": "249.90",
    "currency": "DKK",
    "product_ids": "CD-1|BOOK-7",
    "purchased_at": "2026-11-20T13:30:00+01:00",
    "status": "completed",
}
DISGUISED = [ADDRESS.replace("@", sign) for sign in ("%40", "\uff20", "\ufe6b", "\uff0540", "%EF%BC%A0")]
RANK = (1_795_000_000_000_000, 17)


def column_map(mapped: dict[str, str] = ALL, **settings: Any) -> ColumnMap:
    rules = {"kind": "csv", "path": "x", "columns": columns(mapped), "completed": ["completed", "Shipped"], **settings}
    return ColumnMap(FileSource.model_validate(rules), ZONE, KEY)


def row(mapped: dict[str, str] = ALL, settings: dict[str, Any] | None = None, **cells: str) -> Order | RowRejected:
    stated = CELLS | cells
    return column_map(mapped, **settings or {}).order([stated.get(field, "") for field in FIELDS], "a.csv", 17, RANK)


def order(mapped: dict[str, str] = ALL, settings: dict[str, Any] | None = None, **cells: str) -> Order:
    read = row(mapped, settings, **cells)
    assert isinstance(read, Order)
    return read


def test_a_row_is_an_order() -> None:
    assert order(MAPPED) == Order(
        number="1001",
        email=ADDRESS,
        amount=Decimal("249.90"),
        refunded=Decimal(0),
        currency="DKK",
        product_ids=("CD-1", "BOOK-7"),
        purchased_at=datetime(2026, 11, 20, 12, 30, tzinfo=UTC),
        purchase_day=date(2026, 11, 20),
        window_day=date(2026, 11, 20),
        completed=True,
        consent=Consent.NOT_RECORDED,
        ad_personalization=Consent.NOT_RECORDED,
        rank=RANK,
        ends_day=False,
        status="completed",
        place="a.csv row 17",
    )


@pytest.mark.parametrize("number", ["007", "1e5", "NA", "null", "#1001", "Ø-17", "1 001", "x" * 100])
def test_an_order_number_stays_text(number: str) -> None:
    assert order(order_id=f" {number} ").number == number


@pytest.mark.parametrize("cell", ["", "  ", "\t"])
def test_a_row_without_order_number_is_rejected(cell: str) -> None:
    assert row(order_id=cell) == RowRejected("a.csv row 17", Reason.NO_ORDER_NUMBER, None, "order_id")


@pytest.mark.parametrize("cell", ["x" * 101, "10\x0701", "10\n01", "1001\u200b", "10\u202e01", ADDRESS, *DISGUISED])
def test_an_order_number_is_short_printable_and_no_address(cell: str) -> None:
    assert row(order_id=cell) == RowRejected("a.csv row 17", Reason.BAD_ORDER_NUMBER, None, "order_id")


@pytest.mark.parametrize("cell", ["5,00E+12", "5.00E+12", "1.23457E+12"])
def test_a_number_that_excel_shortened_is_no_order_number(cell: str) -> None:
    assert row(order_id=cell) == RowRejected("a.csv row 17", Reason.BAD_ORDER_NUMBER, None, "order_id")


def test_an_address_is_handed_on_as_it_stands() -> None:
    assert order(email=f" {ADDRESS} ").email == f" {ADDRESS} "
    assert order(email=" NA ").email == "NA"
    assert order(email="o'brien@example.org").email == "o'brien@example.org"


@pytest.mark.parametrize("cell", [f"'{ADDRESS}", f" '{ADDRESS}", f"'{ADDRESS}'", f"''{ADDRESS}"])
def test_an_apostrophe_that_marks_a_text_is_not_part_of_the_address(cell: str) -> None:
    assert order(email=cell).email == ADDRESS


def test_a_rejected_row_names_its_place_its_number_and_the_column_at_fault() -> None:
    assert row(amount="49,9,0") == RowRejected("a.csv row 17", Reason.BAD_AMOUNT, "1001", "amount")
    assert row(purchased_at="20.11.2026") == RowRejected("a.csv row 17", Reason.BAD_DATE, "1001", "purchased_at")


@pytest.mark.parametrize(("cell", "refunded"), [("", "0"), (" ", "0"), ("0", "0"), ("10.00", "10"), ("-10.00", "10")])
def test_a_refund_is_what_was_paid_back_with_either_sign(cell: str, refunded: str) -> None:
    assert order(refunded=cell).refunded == Decimal(refunded)


def test_an_unreadable_refund_is_not_taken_for_none() -> None:
    assert row(refunded="10,0,0") == RowRejected("a.csv row 17", Reason.BAD_AMOUNT, "1001", "refunded")


def test_an_amount_may_be_negative_or_nothing_here() -> None:
    assert [order(amount=text).amount for text in ("-5.00", "0")] == [Decimal(-5), Decimal(0)]


@pytest.mark.parametrize("cell", ["DKK", " dkk ", "Dkk"])
def test_a_currency_is_trimmed_capitals(cell: str) -> None:
    assert order(currency=cell).currency == "DKK"


def test_every_order_is_in_the_one_currency_where_there_is_no_column() -> None:
    mapped = {field: name for field, name in ALL.items() if field != "currency"}

    assert order(mapped, {"currency": "sek"}, currency="").currency == "SEK"


@pytest.mark.parametrize(
    ("cell", "code"),
    [("kr", "DKK"), (" KR. ", "DKK"), ("Kr.", "DKK"), ("dkk", "DKK"), ("SEK", "SEK"), ("krone", "KRONE"), ("", "")],
)
def test_what_the_shop_writes_for_a_currency_is_read_in_any_case(cell: str, code: str) -> None:
    assert order(settings={"currency_aliases": {"kr": "DKK", "Kr.": "dkk"}}, currency=cell).currency == code


def test_three_digits_behind_a_point_are_in_doubt_in_both_columns() -> None:
    read = order(amount="1.200", refunded="-1.100")

    assert [(one.place, one.reason, one.order_no, one.field) for one in read.ambiguous] == [
        ("a.csv row 17", Reason.AMBIGUOUS_AMOUNT, "1001", "amount"),
        ("a.csv row 17", Reason.AMBIGUOUS_AMOUNT, "1001", "refunded"),
    ]
    assert len({one.content for one in read.ambiguous}) == 2
    assert (read.amount, read.decimal_columns) == (Decimal("1.2"), ())


def test_an_amount_that_settles_it_does_so_for_its_own_column() -> None:
    assert order(amount="1234.500").decimal_columns == ("amount",)
    assert order(amount="1.200", refunded="0.500").decimal_columns == ("refunded",)
    assert order(amount="249.90").decimal_columns == ()


@pytest.mark.parametrize("code", ["KWD", "CLF", "KRONER", "XAU"])
def test_no_doubt_where_the_currency_has_three_decimals_or_is_none(code: str) -> None:
    read = order(amount="12.345", refunded="1234.500", currency=code)

    assert (read.ambiguous, read.decimal_columns) == ((), ())


@pytest.mark.parametrize("code", ["JPY", "DKK", "eur"])
def test_doubt_where_it_has_fewer(code: str) -> None:
    assert len(order(amount="12.345", currency=code).ambiguous) == 1


def test_no_doubt_where_three_decimals_are_declared() -> None:
    read = order(settings={"format": {"decimals": 3}}, amount="1.200", refunded="0.500")

    assert (read.ambiguous, read.decimal_columns) == ((), ())


def test_what_is_not_understood_is_noted_and_the_rest_is_not() -> None:
    found = column_map()
    for change in [{"amount": "1,0,0"}, {"status": "Afsendt"}, {"currency": "kr"}, {"product_ids": "A|Rød kjole"}]:
        for _ in range(2):
            cells = CELLS | change
            found.order([cells.get(field, "") for field in FIELDS], "a.csv", 17, RANK)

    named = {field: found.unparsed.words(field) for field in FIELDS}
    assert {field: said for field, said in named.items() if said} == {
        "amount": "`1,0,0`",
        "status": "`Afsendt`",
        "currency": "`kr`",
        "product_ids": "`Rød kjole`",
    }


@pytest.mark.parametrize("field", ["refunded", "purchased_at", "completed_at", "updated_at"])
def test_every_unreadable_amount_and_date_is_noted(field: str) -> None:
    found = column_map()
    for _ in range(2):
        found.order([(CELLS | {field: "soon"}).get(each, "") for each in FIELDS], "a.csv", 17, RANK)

    assert found.unparsed.words(field) == "`soon`"


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ("CD-1", ("CD-1",)),
        (" CD-1 | BOOK-7 ", ("CD-1", "BOOK-7")),
        ("B|A|B||  |A", ("B", "A")),
        ("007|1e5|NA", ("007", "1e5", "NA")),
        ("", ()),
        ("|", ()),
    ],
)
def test_product_ids_are_split_trimmed_and_taken_once_in_their_order(cell: str, ids: tuple[str, ...]) -> None:
    assert order(product_ids=cell).product_ids == ids


def test_product_ids_are_split_at_the_declared_separator_only() -> None:
    assert order(settings={"product_separator": ", "}, product_ids="A|B, C,D").product_ids == ("A|B", "C,D")


@pytest.mark.parametrize(
    ("cell", "completed"),
    [
        ("completed", True),
        (" COMPLETED ", True),
        ("shipped", True),
        ("complete", False),
        ("refunded", False),
        ("", False),
    ],
)
def test_a_status_counts_as_a_sale_if_it_is_listed_in_any_case(cell: str, completed: bool) -> None:
    assert order(status=cell).completed is completed


def test_a_window_goes_by_completion_where_it_is_mapped_and_accounting_by_purchase() -> None:
    late = order(completed_at="2026-11-21T09:00:00+01:00")

    assert (late.purchase_day, late.window_day) == (date(2026, 11, 20), date(2026, 11, 21))


def test_an_empty_completion_falls_back_to_the_purchase() -> None:
    assert order(completed_at=" ").window_day == date(2026, 11, 20)


def test_an_unreadable_completion_rejects_the_row() -> None:
    assert row(completed_at="soon") == RowRejected("a.csv row 17", Reason.BAD_DATE, "1001", "completed_at")


def test_a_date_alone_is_marked_as_ending_the_day() -> None:
    day = order(purchased_at="2026-11-20")

    assert (day.purchased_at, day.ends_day) == (datetime(2026, 11, 20, 22, 59, 59, tzinfo=UTC), True)


def test_rank_is_the_change_of_the_row_where_it_is_mapped() -> None:
    assert order(updated_at="1970-01-01T00:00:01.000002Z").rank == (1_000_002, 17)


def test_rank_of_a_row_that_never_changed_is_its_purchase() -> None:
    assert order(updated_at=" ").rank == (micros(CELLS["purchased_at"]), 17)


def test_rank_is_the_files_time_where_changes_are_not_mapped() -> None:
    assert order(MAPPED).rank == RANK


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("cell", "consent"),
    [
        *((cell, Consent.GRANTED) for cell in ("granted", "YES", " true ", "1", "Ja")),
        *((cell, Consent.DENIED) for cell in ("denied", "NO", " false ", "0", "Nej")),
        *((cell, Consent.NOT_RECORDED) for cell in ("", "maybe", "2", "granted?", "null")),
    ],
)
def test_consent_is_granted_denied_or_not_recorded(cell: str, consent: Consent) -> None:
    read = order(consent=cell, ad_personalization=cell)

    assert (read.consent, read.ad_personalization) == (consent, consent)


def test_consent_to_measurement_says_nothing_about_personalisation() -> None:
    assert order(consent="yes").ad_personalization is Consent.NOT_RECORDED


def test_consent_words_are_settings_and_a_word_in_both_lists_is_a_denial() -> None:
    words = {"consent_granted": ["Si", "x"], "consent_denied": ["X", ""]}

    assert [order(settings=words, consent=cell).consent for cell in ("sI", "x", "", "yes")] == [
        *(Consent.GRANTED, Consent.DENIED, Consent.DENIED, Consent.NOT_RECORDED)
    ]


def test_what_an_empty_cell_means_says_nothing_of_a_column_that_is_not_mapped() -> None:
    read = order(MAPPED, {"consent_denied": [""]})

    assert (read.consent, read.ad_personalization) == (Consent.NOT_RECORDED, Consent.NOT_RECORDED)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("dirt", ["\0", "\udce9"])
def test_a_cell_that_is_not_text_rejects_its_row_and_names_the_column(field: str, dirt: str) -> None:
    read = row(ALL, None, **{field: CELLS.get(field, "") + dirt})

    assert isinstance(read, RowRejected)
    assert (read.reason, read.order_no, read.field) == (Reason.NOT_TEXT, None, field)


def test_a_cell_too_large_for_any_order_rejects_its_row() -> None:
    assert row(email="x" * (MAX_CELL_CHARACTERS + 1)) == RowRejected(
        "a.csv row 17", Reason.CELL_TOO_LARGE, None, "email"
    )
    assert order(email="x" * MAX_CELL_CHARACTERS).number == "1001"


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", ["Ø\n\tæ", "=HYPERLINK(1)", "<b>x</b>", "'; DROP TABLE", "x" * 9_000])
def test_no_cell_breaks_the_reading(field: str, text: str) -> None:
    read = row(ALL, None, **{field: text})

    assert isinstance(read, Order) or read.order_no in {None, "1001"}


@pytest.mark.parametrize("field", FIELDS)
def test_no_text_of_an_order_or_a_rejected_row_shows_an_address(field: str) -> None:
    for dirt in ("", "\0", ADDRESS):
        read = row(ALL, None, **{field: CELLS.get(field, "") + dirt})

        shown = repr(read) if isinstance(read, RowRejected) or field == "email" else ""
        assert ADDRESS not in shown
        assert isinstance(read, Order) or not any(ADDRESS in str(part) for part in astuple(read))


def test_columns_are_picked_by_name_and_an_unmapped_one_is_empty() -> None:
    pick = column_map(MAPPED).picker(["x", *reversed(MAPPED.values())], "a.csv")

    assert pick(["?", *reversed(MAPPED), ""]) == (*MAPPED, *[""] * (len(FIELDS) - len(MAPPED)))


def test_a_header_that_lacks_columns_is_one_sentence_with_the_settings_to_mend() -> None:
    with pytest.raises(SourceError) as refused:
        column_map().picker([name for name in ALL.values() if name not in {"Total", "Ads"}], "a.csv")

    assert str(refused.value) == (
        'a.csv has no column "Total" (source.columns.amount), "Ads" (source.columns.ad_personalization); '
        "correct [source.columns] or the export."
    )


def test_a_mapped_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(SourceError, match=r'several columns "Total" \(source.columns.amount\)'):
        column_map(MAPPED).picker([*MAPPED.values(), "Total", "Note", "Note"], "a.csv")


NOTHING = ["NULL", "\\N", "NaT", "nan", "None", "-", "n/a", "#N/A", "0000-00-00", "0000-00-00 00:00:00", " null "]


@pytest.mark.parametrize("cell", NOTHING)
def test_a_word_for_nothing_is_nothing_in_an_optional_column(cell: str) -> None:
    optional: dict[str, Any] = dict.fromkeys(
        ["completed_at", "updated_at", "refunded", "consent", "ad_personalization"], cell
    )

    assert order(**optional) == order()._replace(rank=order(updated_at="").rank)
    assert order(email=cell).email == ""
    assert order(product_ids=cell).product_ids == (() if "0000" not in cell else (cell,))


@pytest.mark.parametrize("field", ["amount", "purchased_at"])
@pytest.mark.parametrize("cell", NOTHING)
def test_a_word_for_nothing_is_no_amount_and_no_time(field: str, cell: str) -> None:
    cells: dict[str, Any] = {field: cell}
    read = row(**cells)

    assert isinstance(read, RowRejected)
    assert read.field == field


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ('["CD-1", "BOOK-7"]', ("CD-1", "BOOK-7")),
        ('["CD-1"]', ("CD-1",)),
        ("[7, 8]", ("7", "8")),
        ('[" A "]', ("A",)),
        ("[]", ()),
    ],
)
def test_a_list_of_json_is_a_list_of_product_ids(cell: str, ids: tuple[str, ...]) -> None:
    assert order(product_ids=cell).product_ids == ids


@pytest.mark.parametrize(
    "cell", ['[{"sku":"A"}]', '[["A"]]', '["A", null]', "[true]", "['A']", '["A"', '{"sku":"A"}', "[" * 3_000, "[NaN]"]
)
@pytest.mark.parametrize("separator", ["|", ","])
def test_other_json_is_no_product_id_and_nothing_is_picked_out_of_it(cell: str, separator: str) -> None:
    found = order(settings={"product_separator": separator}, product_ids=cell)

    assert not any(map(PRODUCT_ID.fullmatch, found.product_ids)) or found.product_ids == ()
    assert found.product_ids


@pytest.mark.parametrize(
    ("cell", "withheld"),
    [
        ("yes", True),
        ("TRUE", True),
        ("1", True),
        (" Test ", True),
        ("no", False),
        ("", False),
        ("0", False),
        ("2", False),
    ],
)
def test_a_column_leaves_orders_of_tests_and_staff_out(cell: str, withheld: bool) -> None:
    assert order(ALL | {"test": "Test?"}, test=cell).withheld == (Reason.TEST_ORDER if withheld else None)
    assert order(ALL, test=cell).withheld is None


def test_the_words_that_leave_an_order_out_are_the_shops() -> None:
    found = [
        order({**ALL, "test": "Tags"}, {"test_values": ["staff"]}, test=cell).withheld for cell in ("Staff", "yes")
    ]

    assert found == [Reason.TEST_ORDER, None]


def test_the_format_of_the_settings_counts_for_every_amount_and_time() -> None:
    rules = {"format": {"decimal_mark": ",", "dates": "dmy"}}
    found = order(
        settings=rules,
        amount="1.249",
        refunded="kr. 49,50",
        purchased_at="3.4.2026 10.15",
        completed_at="05-04-2026",
        updated_at="6/4/2026",
    )

    assert (found.amount, found.refunded, found.ambiguous) == (Decimal(1249), Decimal("49.5"), ())
    assert (found.purchase_day, found.window_day) == (date(2026, 4, 3), date(2026, 4, 5))
    assert found.purchased_at == datetime(2026, 4, 3, 8, 15, tzinfo=UTC)


def test_an_amount_of_another_currency_names_its_cell() -> None:
    assert row(amount="€12") == RowRejected("a.csv row 17", Reason.OTHER_CURRENCY, "1001", "amount")
    assert order(settings={"currency_aliases": {"€": "DKK"}}, amount="€12").amount == Decimal(12)


@pytest.mark.parametrize("sign", ["kr", "kr.", "Kr.", "€", "KR", "dkr."])
def test_signs_of_currencies_can_be_declared(sign: str) -> None:
    assert order(settings={"currency_aliases": {sign: "dkk"}}, currency=f" {sign.upper()} ").currency == "DKK"


@pytest.mark.parametrize("paid", ["kr 1234.500", "1.234.500", "1,234.500", "kr. 0.500"])
def test_only_a_plain_amount_shows_that_three_digits_are_decimals(paid: str) -> None:
    assert order(amount=paid).decimal_columns == ()
