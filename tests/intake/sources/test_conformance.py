"""What holds for every source: the same rows are the same orders, wherever a shop keeps them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
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
from tests.intake.sources.shop import ADDRESS, ALL, MAPPED, ROW, WINDOW, kept_in, orders, read, rejected

KINDS = ("csv", "parquet", "sql")
every_kind = pytest.mark.parametrize("kind", KINDS)

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
    (FULL | {"Total": "49,90"}, Reason.BAD_AMOUNT, "1001", "amount"),
    (FULL | {"Refunded": "all"}, Reason.BAD_AMOUNT, "1001", "refunded"),
    (FULL | {"Paid": ""}, Reason.BAD_DATE, "1001", "purchased_at"),
    (FULL | {"Completed": "20.11.2026"}, Reason.BAD_DATE, "1001", "completed_at"),
    (FULL | {"Updated": "never"}, Reason.BAD_DATE, "1001", "updated_at"),
    (FULL | {"E-mail": "bj\udcf8rn@example.org"}, Reason.NOT_TEXT, None, "email"),
    (FULL | {"Status": "a\0b"}, Reason.NOT_TEXT, None, "status"),
]


def rows_of(kind: str, folder: Path, rows: Sequence[dict[str, Any]], mapped: dict[str, str] = ALL) -> list[Any]:
    return read(kept_in(kind, folder, rows, mapped))


@every_kind
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

    read = rows_of(kind, tmp_path, ROWS)

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


@every_kind
def test_text_with_three_digits_behind_a_point_is_in_doubt_and_a_number_is_not(kind: str, tmp_path: Path) -> None:
    (text,) = orders(rows_of(kind, tmp_path, [FULL | {"Total": "1.234", "Refunded": ""}]))
    assert [(one.reason, one.field) for one in text.ambiguous] == [(Reason.AMBIGUOUS_AMOUNT, "amount")]
    if kind != "csv":
        (tmp_path / "typed").mkdir()
        (number,) = orders(rows_of(kind, tmp_path / "typed", [FULL | {"Total": 1.234, "Refunded": 0.5}]))
        assert (number.amount, number.ambiguous, number.decimal_columns) == (Decimal("1.234"), (), ())


@every_kind
def test_what_is_not_understood_of_the_window_is_named_after_a_reading(kind: str, tmp_path: Path) -> None:
    odd = FULL | {"Status": "Fuldført", "Currency": "kr"}
    old = FULL | {"Status": "Annulleret", "Paid": "2025-11-20", "Completed": ""}
    source = kept_in(
        kind, tmp_path, [FULL, odd, odd, old, old, FULL | {"Total": "1,00"}, FULL | {"Total": "1,00"}], ALL
    )

    for _ in range(2):
        read(source)
        assert [source.unparsed.words(field) for field in ("status", "currency", "amount", "product_ids")] == [
            *("`Fuldført`", "`kr`", "`1,00`", "")
        ]


@every_kind
def test_every_row_is_read_in_bounded_chunks(kind: str, tmp_path: Path) -> None:
    rows = [ROW | {"Order": str(number)} for number in range(2 * ROWS_PER_CHUNK + 1)]

    chunks = list(kept_in(kind, tmp_path, rows).chunks(WINDOW))

    assert [len(chunk) for chunk in chunks] == [ROWS_PER_CHUNK, ROWS_PER_CHUNK, 1]
    read = [order for chunk in chunks for order in orders(chunk)]
    assert [order.number for order in read] == [row["Order"] for row in rows]
    assert [order.rank[1] for order in read] == list(range(1, 2 * ROWS_PER_CHUNK + 2))


@every_kind
def test_a_second_reading_says_the_same(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, ROWS, ALL)

    assert read(source) == read(source)


@every_kind
def test_a_source_without_rows_is_a_source(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, [ROW])
    if kind == "csv":
        (tmp_path / "orders.csv").write_text(",".join(MAPPED.values()) + "\n")
    # Parquet and SQL keep their columns without rows by themselves.

    source.check()


@every_kind
def test_a_check_names_every_missing_column_and_the_setting_to_mend(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, [ROW], ALL)

    for ask in (source.check, lambda: read(source)):
        with pytest.raises(SourceError) as refused:
            ask()
        for field in ("completed_at", "updated_at", "refunded", "consent", "ad_personalization"):
            assert f'"{ALL[field]}" (source.columns.{field})' in str(refused.value)
        assert "source.columns.email" not in str(refused.value)


@every_kind
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

    assert len(out) == len(rows)
    assert all(isinstance(row, Order | RowRejected) for row in out)
    for row, cells in zip(out, rows, strict=True):
        assert not isinstance(row, RowRejected) or row.order_no in {None, _storable(cells["Order"]).strip()}


def _storable(cell: str) -> str:
    """As bytes would bring it: only undecodable bytes are lone surrogates."""
    return cell.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
