"""Bad rows are known by what they say, wherever they are read, and by no address."""

from pathlib import Path
from typing import Any

import pytest

from conversions.intake.order import RowRejected
from conversions.intake.sources.row_digest import Digests
from conversions.model.conversion import Reason
from tests.intake.sources.shop import (
    ADDRESS,
    ALL,
    KEY,
    MAPPED,
    ROW,
    csv_text,
    files,
    kept_in,
    orders,
    read,
    rejected,
    written,
)

KINDS = ("csv", "parquet", "sql")
every_kind = pytest.mark.parametrize("kind", KINDS)
OTHER = "karl.holm@example.org"
FULL = ROW | dict.fromkeys(("Completed", "Updated", "Refunded", "Consent", "Ads"), "")
HEADER = csv_text([ROW]).splitlines()[0] + "\n"


def bad(kind: str, folder: Path, *rows: dict[str, str]) -> list[RowRejected]:
    folder.mkdir(exist_ok=True)
    return rejected(read(kept_in(kind, folder, list(rows), ALL)))


def contents(kind: str, folder: Path, *changes: dict[str, str]) -> list[Any]:
    return [row.content for row in bad(kind, folder, *(FULL | change for change in changes))]


@every_kind
@pytest.mark.parametrize(
    "change",
    [
        {"Total": "49,9,0"},
        {"Refunded": "all"},
        {"Paid": "20.11.2026"},
        {"Order": " "},
        {"E-mail": "bj\udcf8rn@example.org"},
        {"Status": "a\0b"},
    ],
)
def test_a_row_is_the_same_wherever_it_is_read_again(kind: str, tmp_path: Path, change: dict[str, str]) -> None:
    once = contents(kind, tmp_path / "a", change)
    again = contents(kind, tmp_path / "b", {}, {}, {"Total": "x"}, change)

    assert len(once[0]) == 16
    assert again[-1] == once[0]


def test_a_row_is_the_same_in_every_kind_of_source(tmp_path: Path) -> None:
    assert len({contents(kind, tmp_path / kind, {"Total": "49,9,0"})[0] for kind in KINDS}) == 1


@every_kind
@pytest.mark.parametrize("column", ["Total", "Paid", "Status", "E-mail", "Refunded"])
def test_two_orders_with_the_same_unreadable_cell_differ(kind: str, tmp_path: Path, column: str) -> None:
    found = contents(kind, tmp_path, {column: "?\udce9"}, {column: "?\udce9", "Order": "1002"})

    assert len(set(found)) == 2


@every_kind
def test_another_cell_column_or_reason_is_other_damage(kind: str, tmp_path: Path) -> None:
    changes = [
        {"Total": "49,9,0"},
        {"Total": "49,9,1"},
        {"Refunded": "49,9,0"},
        {"Paid": "49,9,0"},
        {"Total": "49,9,0\0"},
    ]

    assert len(set(contents(kind, tmp_path, *changes))) == len(changes)


@every_kind
def test_rows_without_a_number_are_told_apart_by_their_other_cells(kind: str, tmp_path: Path) -> None:
    assert len(set(contents(kind, tmp_path, {"Order": ""}, {"Order": "", "Total": "1.00"}))) == 2


@every_kind
@pytest.mark.parametrize(
    ("change", "column"),
    [({"Total": "x"}, "E-mail"), ({"Order": ""}, "E-mail"), ({}, "Order"), ({}, "Total"), ({"Order": ""}, "Products")],
)
def test_no_address_counts_wherever_it_stands(kind: str, tmp_path: Path, change: dict[str, str], column: str) -> None:
    first, second = contents(kind, tmp_path, *(FULL | change | {column: who} for who in (ADDRESS, OTHER)))

    assert first == second is not None


@every_kind
def test_an_address_that_is_no_text_does_not_count_either(kind: str, tmp_path: Path) -> None:
    first, second = contents(kind, tmp_path, {"E-mail": "bj\udcf8rn"}, {"E-mail": "s\udcf8ren"})

    assert first == second is not None


def damaged(folder: Path, *lines: str) -> list[RowRejected]:
    folder.mkdir(exist_ok=True)
    return rejected(read(files(written(folder / "orders.csv", HEADER + "".join(lines)))))


SPOILT = {
    "too many cells": f"1001,{ADDRESS},1,DKK,CD-1,2026-11-20,completed,more\n",
    "too few cells": f"1001,{ADDRESS},1\n",
    "a quote that is not closed": f'1001,{ADDRESS},"1,DKK,CD-1,2026-11-20,completed\n',
    "a line without an end": f"1001,{ADDRESS},1,DKK,CD-1,2026-11-20,compl",
    "a cell too large": f"1001,{ADDRESS},1,DKK,CD-1,2026-11-20,{'x' * 140_000}\n",
    "a line too long": f"1001,{ADDRESS},1,DKK,CD-1,2026-11-20,{'x' * (1 << 20)}\n",
}
every_damage = pytest.mark.parametrize("line", SPOILT.values(), ids=list(SPOILT))
GOOD = f"1,{ADDRESS},1,DKK,CD-1,2026-11-20,completed\n"


@every_damage
def test_a_row_without_cells_of_ours_is_the_same_at_every_place(tmp_path: Path, line: str) -> None:
    (once,), (again,) = damaged(tmp_path / "a", line), damaged(tmp_path / "b", GOOD, GOOD, line)

    assert once.place != again.place
    assert once.content == again.content is not None


@every_damage
def test_another_row_of_that_kind_differs_and_another_address_does_not(tmp_path: Path, line: str) -> None:
    (first,), (other,), (who,) = (
        damaged(tmp_path / name, text)
        for name, text in {"a": line, "b": line.replace("1001", "1002"), "c": line.replace(ADDRESS, OTHER)}.items()
    )

    assert first.content != other.content
    assert first.content == who.content


def test_half_an_address_at_the_end_of_a_cut_line_does_not_count(tmp_path: Path) -> None:
    (ida,), (karl,) = damaged(tmp_path / "a", "1001,ida.ho"), damaged(tmp_path / "b", "1001,karl.ho")

    assert ida.content == karl.content is not None


def test_a_row_of_nothing_but_an_address_has_no_content(tmp_path: Path) -> None:
    assert [row.content for row in damaged(tmp_path, f"{ADDRESS}\n")] == [None]


def test_content_and_status_are_keyed_and_each_in_its_own_way() -> None:
    one, two = Digests(KEY), Digests(b"z" * 32)

    assert one.row(Reason.BAD_AMOUNT, "amount", ["x"]) != two.row(Reason.BAD_AMOUNT, "amount", ["x"])
    assert one.status("afsendt") != two.status("afsendt")
    assert one.row(Reason.BAD_AMOUNT, "amount", ["ab", "c"]) != one.row(Reason.BAD_AMOUNT, "amount", ["a", "bc"])
    assert KEY.decode() not in repr(one) + repr(vars(one))


@every_kind
def test_a_status_that_is_no_sale_is_told_from_another_and_a_sale_has_none(kind: str, tmp_path: Path) -> None:
    rows = [FULL | {"Order": str(n), "Status": word} for n, word in enumerate(["x", " X", "y", "", "completed"])]
    words = [order.status_word for order in orders(read(kept_in(kind, tmp_path, rows, ALL)))]

    assert words[0] == words[1]
    assert len({*words[1:4]}) == 3
    assert words[4] is None
    assert {len(word) for word in words if word} == {8}


@every_kind
def test_no_key_shows_in_a_source(kind: str, tmp_path: Path) -> None:
    source = kept_in(kind, tmp_path, [ROW])

    assert KEY.decode() not in repr(source) + repr(vars(source)) + repr(vars(source)["_columns"].__dict__)
    assert set(MAPPED) <= set(ALL)
