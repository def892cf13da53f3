"""What holds for every source: the same rows are the same orders, wherever a shop keeps them."""

import tracemalloc
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversions.errors import SourceError
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.mapping import ROWS_PER_CHUNK
from conversions.model.conversion import Consent, Reason
from tests.intake.sources.shop import ADDRESS, ALL, MAPPED, ROW, WINDOW, ZONE, kept_in, orders, packed, read, rejected

CSV_KINDS = ("csv", "gz", "zip", "utf-16")
REMOTE_KINDS = ("s3", "sftp")
MAPPED_KINDS = (*CSV_KINDS, *REMOTE_KINDS, "parquet", "sql", "xlsx")
TABLE_KINDS = ("woocommerce-hpos", "woocommerce-posts")
"""Kinds whose columns have types: what is no number and no time cannot be in them."""
KINDS = (*MAPPED_KINDS, "woocommerce", "shopify")
every_kind = pytest.mark.parametrize("kind", KINDS)
every_kind_and_table = pytest.mark.parametrize("kind", [*KINDS, *TABLE_KINDS])
every_mapped_kind = pytest.mark.parametrize("kind", MAPPED_KINDS)
every_kind_and_items = pytest.mark.parametrize("kind", [*KINDS, "items"])
"""With files of items, where rows with one number are one order."""
every_source = pytest.mark.parametrize("kind", [*KINDS, *TABLE_KINDS, "items"])

FULL = ROW | {
    "Completed": "2026-11-21 08:00:00",
    "Updated": "2026-11-21T09:00:00.000001Z",
    "Refunded": "-10.00",
    "Consent": "Yes",
    "Ads": "nej",
}
ROWS = [
    FULL,
    FULL | {"Order": " 007 ", "Total": "29.35000000", "Paid": "2026-11-20", "Completed": "", "Refunded": ""},
    FULL | {"Order": "1e5", "E-mail": "NA", "Products": "", "Status": "on-hold", "Consent": "", "Ads": "?"},
    FULL | {"Order": "Ø-3", "E-mail": "Søren@Example.org", "Paid": "2026-10-25 02:30:00", "Currency": " sek"},
    FULL | {"Order": "=1+1", "E-mail": "", "Paid": "2026-03-29T02:30:00", "Products": "<b>|\"'|a,b;c|\ttab"},
]
BAD: list[tuple[dict[str, str], Reason, str | None, str]] = [
    (FULL | {"Order": " "}, Reason.NO_ORDER_NUMBER, None, "order_id"),
    (FULL | {"Order": ADDRESS}, Reason.BAD_ORDER_NUMBER, None, "order_id"),
    (FULL | {"Total": "49,9,0"}, Reason.BAD_AMOUNT, "1001", "amount"),
    (FULL | {"Refunded": "all"}, Reason.BAD_AMOUNT, "1001", "refunded"),
    (FULL | {"Paid": ""}, Reason.BAD_DATE, "1001", "purchased_at"),
    (FULL | {"Completed": "20.11.2026"}, Reason.BAD_DATE, "1001", "completed_at"),
    (FULL | {"Updated": "never"}, Reason.BAD_DATE, "1001", "updated_at"),
    (FULL | {"E-mail": "bj\udcf8rn@example.org"}, Reason.NOT_TEXT, None, "email"),
    (FULL | {"Status": "a\0b"}, Reason.NOT_TEXT, None, "status"),
]


def rows_of(kind: str, folder: Path, rows: Sequence[dict[str, Any]], mapped: dict[str, str] = ALL) -> list[Any]:
    return read(kept_in(kind, folder, rows, mapped))


@every_kind_and_items
def test_the_same_rows_are_the_same_orders(kind: str, tmp_path: Path) -> None:
    first = Order(
        number="1001",
        email=ADDRESS,
        amount=Decimal("249.90"),
        refunded=Decimal(10),
        currency="DKK",
        product_ids=("CD-1", "BOOK-7"),
        purchased_at=datetime(2026, 11, 20, 12, 30, tzinfo=UTC),
        purchase_day=date(2026, 11, 20),
        window_day=date(2026, 11, 21),
        completed=True,
        consent=Consent.GRANTED,
        ad_personalization=Consent.DENIED,
        rank=(1_795_251_600_000_001, 1),
    )
    second = first._replace(
        number="007",
        amount=Decimal("29.35"),
        refunded=Decimal(0),
        purchased_at=datetime(2026, 11, 20, 22, 59, 59, tzinfo=UTC),
        window_day=date(2026, 11, 20),
        rank=(first.rank[0], 2),
        ends_day=True,
    )
    third = first._replace(
        number="1e5",
        email="NA",
        product_ids=(),
        completed=False,
        consent=Consent.NOT_RECORDED,
        ad_personalization=Consent.NOT_RECORDED,
        rank=(first.rank[0], 3),
    )
    fourth = first._replace(
        number="Ø-3",
        email="Søren@Example.org",
        currency="SEK",
        purchased_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        purchase_day=date(2026, 10, 25),
        rank=(first.rank[0], 4),
    )
    fifth = first._replace(
        number="=1+1",
        email="",
        product_ids=("<b>", "\"'", "a,b;c", "tab"),
        purchased_at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        purchase_day=date(2026, 3, 29),
        rank=(first.rank[0], 5),
    )

    read = [order._replace(cart=None, status="", place="") for order in orders(rows_of(kind, tmp_path, ROWS))]

    third = third._replace(status_word=read[2].status_word)
    assert read == [first, second, third, fourth, fifth]


@every_kind
def test_typed_cells_are_the_same_orders_as_text(kind: str, tmp_path: Path) -> None:
    texts = [
        FULL | {"Order": "1001", "Total": "249.9", "Refunded": "10.5", "Consent": "1", "Products": "7"},
        FULL | {"Order": "1002", "Total": "100", "Refunded": "", "Consent": "0", "Products": "8"},
    ]
    typed: list[dict[str, Any]] = [
        FULL | {"Order": 1001, "Total": 249.9, "Refunded": 10.5, "Consent": 1, "Products": 7},
        FULL | {"Order": 1002, "Total": 100.0, "Refunded": None, "Consent": 0, "Products": 8},
    ]
    (tmp_path / "text").mkdir()

    assert rows_of(kind, tmp_path, typed) == rows_of(kind, tmp_path / "text", texts)


@every_kind
def test_a_row_that_cannot_be_an_order_is_rejected_and_the_others_go_on(kind: str, tmp_path: Path) -> None:
    rows = rows_of(kind, tmp_path, [FULL, *(row for row, *_ in BAD), FULL])

    assert len(orders(rows)) == 2
    assert [(row.reason, row.order_no, row.field) for row in rejected(rows)] == [tuple(bad[1:]) for bad in BAD]
    assert len({row.place for row in rejected(rows)}) == len(BAD)


@every_mapped_kind
def test_text_with_three_digits_behind_a_point_is_in_doubt_and_a_number_is_not(kind: str, tmp_path: Path) -> None:
    (text,) = orders(rows_of(kind, tmp_path, [FULL | {"Total": "1.234", "Refunded": ""}]))
    assert [(one.reason, one.field) for one in text.ambiguous] == [(Reason.AMBIGUOUS_AMOUNT, "amount")]
    if kind not in {*CSV_KINDS, *REMOTE_KINDS}:
        (tmp_path / "typed").mkdir()
        (number,) = orders(rows_of(kind, tmp_path / "typed", [FULL | {"Total": 1.234, "Refunded": 0.5}]))
        assert (number.amount, number.ambiguous, number.decimal_columns) == (Decimal("1.234"), (), ())


@every_kind
def test_what_is_not_understood_of_the_window_is_named_after_a_reading(kind: str, tmp_path: Path) -> None:
    odd = FULL | {"Status": "Fuldført", "Currency": "kr"}
    old = FULL | {"Status": "Annulleret", "Paid": "2025-11-20", "Completed": ""}
    source = kept_in(
        kind, tmp_path, [FULL, odd, odd, old, old, FULL | {"Total": "1,0,0"}, FULL | {"Total": "1,0,0"}], ALL
    )

    for _ in range(2):
        read(source)
        assert [source.unparsed.words(field) for field in ("status", "currency", "amount", "product_ids")] == [
            *("`Fuldført`", "`kr`", "`1,0,0`", "")
        ]


@every_source
def test_every_row_is_read_in_bounded_chunks(kind: str, tmp_path: Path) -> None:
    rows = [ROW | {"Order": str(number)} for number in range(2 * ROWS_PER_CHUNK + 1)]

    chunks = list(kept_in(kind, tmp_path, rows).chunks(WINDOW))

    assert max(len(chunk) for chunk in chunks) <= ROWS_PER_CHUNK
    assert len(chunks) > 2
    read = [order for chunk in chunks for order in orders(chunk)]
    # Shopify's file begins with the second in which the last page ended; all of these changed in one.
    assert list(dict.fromkeys(order.number for order in read)) == [row["Order"] for row in rows]
    if kind == "shopify":
        return
    assert [order.rank[1] for order in read] == list(range(1, 2 * ROWS_PER_CHUNK + 2))


@every_source
def test_a_second_reading_says_the_same(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, ROWS, ALL)

    assert read(source) == read(source)


@every_kind_and_table
def test_a_source_without_rows_is_a_source(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, [ROW])
    if kind in CSV_KINDS:
        (tmp_path / "orders.csv").write_bytes(packed(kind, ",".join(MAPPED.values()) + "\n"))
    # Parquet and SQL keep their columns without rows by themselves.

    source.check()


@every_mapped_kind
def test_a_check_names_every_missing_column_and_the_setting_to_mend(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, [ROW], ALL)

    for ask in (source.check, lambda: read(source)):
        with pytest.raises(SourceError) as refused:
            ask()
        for field in ("completed_at", "updated_at", "refunded", "consent", "ad_personalization"):
            assert f'"{ALL[field]}" (source.columns.{field})' in str(refused.value)
        assert "source.columns.email" not in str(refused.value)


@every_source
def test_a_check_of_a_good_source_says_nothing_and_reads_nothing(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, ROWS, ALL)

    source.check()
    assert source.skipped_files() == []


@every_kind
def test_no_text_shows_an_address(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, [*ROWS, *(row for row, *_ in BAD)], ALL)
    rows = read(source)

    assert "example.org" not in (repr(source) + source.description + repr(rows)).casefold()


CELLS = st.one_of(
    st.text(st.characters(codec=None), max_size=40),
    st.text("01459.,-+:TZ eE@\0\udcff\"'|;\n\r", max_size=30),
    st.sampled_from(list(FULL.values())),
)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.fixed_dictionaries(dict.fromkeys(FULL, CELLS)), min_size=1, max_size=6),
    kind=st.sampled_from(KINDS),
)
def test_whatever_stands_in_the_cells_every_row_is_an_order_or_rejected(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], kind: str
) -> None:
    stored = [{name: _storable(cell) for name, cell in row.items()} for row in rows]

    out = rows_of(kind, tmp_path_factory.mktemp("rows"), stored)

    if kind in {*CSV_KINDS, *REMOTE_KINDS, "xlsx"}:  # a row of empty cells is an empty line
        rows = [row for row in rows if any(row.values())]
    assert len(out) == len(rows)
    assert all(isinstance(row, Order | RowRejected) for row in out)
    for row, cells in zip(out, rows, strict=True):
        assert not isinstance(row, RowRejected) or row.order_no in {None, _storable(cells["Order"]).strip()}


def _storable(cell: str) -> str:
    """As bytes would bring it: only undecodable bytes are lone surrogates."""
    return cell.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


CHANGEOVERS = (date(2026, 3, 29), date(2026, 10, 25))
"""Days of 23 and of 25 hours."""


@every_source
@pytest.mark.parametrize("day", CHANGEOVERS)
def test_a_day_has_its_first_and_its_last_second_also_when_the_clocks_change(
    kind: str, day: date, tmp_path: Path
) -> None:
    first = datetime.combine(day, time(), ZONE).astimezone(UTC)
    last = datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC) - timedelta(seconds=1)
    times = {"before": first - timedelta(seconds=1), "first": first, "last": last, "after": last + timedelta(seconds=1)}
    rows = [FULL | {"Order": name, "Paid": at.isoformat(), "Completed": at.isoformat()} for name, at in times.items()]

    read = orders(rows_of(kind, tmp_path, rows))

    assert {order.number for order in read if order.window_day == day} == {"first", "last"}
    assert {order.number for order in read if order.purchase_day == day} == {"first", "last"}


@every_source
def test_money_is_exact_to_the_minor_unit(kind: str, tmp_path: Path) -> None:
    texts = [
        ("DKK", "0.07", "-0.01"),
        ("DKK", "999999999.99", "0.10"),
        ("JPY", "1001", "1"),
        ("KWD", "12.345", "0.001"),
    ]
    rows = [
        FULL | {"Order": str(nth), "Currency": code, "Total": paid, "Refunded": back}
        for nth, (code, paid, back) in enumerate(texts, start=1)
    ]

    read = orders(rows_of(kind, tmp_path, rows))

    expected = [Decimal(paid) - abs(Decimal(back)) for _, paid, back in texts]
    assert [order.amount - order.refunded for order in read] == expected


@every_source
def test_a_window_without_orders_is_empty_and_no_error(kind: str, tmp_path: Path) -> None:
    old = FULL | {"Paid": "2025-11-20T13:30:00+01:00", "Completed": "2025-11-20T13:30:00+01:00"}

    read = orders(rows_of(kind, tmp_path, [old]))

    assert not [order for order in read if WINDOW.since <= order.window_day <= WINDOW.until]


@every_source
def test_a_reading_that_broke_off_takes_nothing_from_the_next_one(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, [FULL | {"Order": str(number)} for number in range(250)], ALL)
    chunks = source.chunks(WINDOW)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]

    assert [order.number for order in orders(read(source))] == [str(number) for number in range(250)]


@pytest.mark.parametrize("kind", [kind for kind in MAPPED_KINDS if kind != "xlsx"])
def test_memory_does_not_grow_with_the_orders(kind: str, tmp_path: Path) -> None:
    """WooCommerce's pages are read in ``woocommerce/test_paging.py`` from a shop that keeps none of them either, its
    tables in ``woocommerce_tables/test_source.py`` from many copies that the database makes.
    """
    peaks = []
    for chunks in (2, 6):
        folder = tmp_path / str(chunks)
        folder.mkdir()
        source = kept_in(kind, folder, [ROW | {"Order": str(number)} for number in range(chunks * ROWS_PER_CHUNK)])
        tracemalloc.start()
        assert sum(len(chunk) for chunk in source.chunks(WINDOW)) == chunks * ROWS_PER_CHUNK
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


@every_mapped_kind
def test_the_declared_format_of_cells_counts_in_every_source(kind: str, tmp_path: Path) -> None:
    row = FULL | {
        "E-mail": f"'{ADDRESS}",
        "Total": "kr. 1.249",
        "Refunded": "(10,00)",
        "Paid": "3.10.2026 9.05",
        "Completed": "04-10-2026",
        "Updated": "0000-00-00 00:00:00",
        "Products": '["CD-1", "BOOK-7"]',
        "Consent": "\\N",
    }
    ambiguous, foreign, missing = row | {"Total": "1,2,3"}, row | {"Total": "€12"}, row | {"Paid": "30/02/2026"}
    mark, days = {"decimal_mark": ","}, {"dates": "dmy"}
    source = kept_in(kind, tmp_path, [row, ambiguous, foreign, missing], ALL, format=mark | days)
    (order, *bad) = read(source)

    assert isinstance(order, Order)
    assert (order.email, order.amount, order.refunded) == (ADDRESS, Decimal(1249), Decimal(10))
    assert order.purchased_at == datetime(2026, 10, 3, 7, 5, tzinfo=UTC)
    assert (order.window_day, order.product_ids) == (date(2026, 10, 4), ("CD-1", "BOOK-7"))
    assert order.consent is Consent.NOT_RECORDED
    reasons = [(row.reason, row.field) for row in bad if isinstance(row, RowRejected)]
    assert reasons == [
        (Reason.BAD_AMOUNT, "amount"),
        (Reason.OTHER_CURRENCY, "amount"),
        (Reason.BAD_DATE, "purchased_at"),
    ]
