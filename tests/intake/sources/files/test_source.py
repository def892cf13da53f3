"""Which files are read, in which order, and which are left alone."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conversions.errors import Exit, SourceError, SourceUnavailable
from conversions.intake.sources.advice import message
from conversions.intake.sources.mapping import ROWS_PER_CHUNK
from conversions.model.conversion import Reason
from tests.intake.sources.shop import (
    ADDRESS,
    NOW,
    ROW,
    SETTLED,
    WINDOW,
    csv_text,
    files,
    orders,
    read,
    rejected,
    written,
)

PROSE = f"Dear {ADDRESS}, here are the orders.\n"


def day(number: str, **cells: str) -> str:
    return csv_text([ROW | {"Order": number} | cells])


def test_the_files_of_a_glob_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.csv", "c.csv", "a.csv"):
        written(tmp_path / name, day(name))
    written(tmp_path / "other.txt", "not an export")
    written(tmp_path / ".hidden.csv", "under way")

    assert [order.number for order in orders(read(files(tmp_path / "*.csv")))] == ["a.csv", "b.csv", "c.csv"]


def test_of_two_rows_of_an_order_the_later_file_is_newer_and_in_one_file_the_later_row(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", csv_text([ROW, ROW]), at=SETTLED)
    written(tmp_path / "b.csv", day("1001"), at=SETTLED - timedelta(days=1))

    first, second, older_file = (order.rank for order in orders(read(files(tmp_path / "*.csv"))))

    assert older_file < first < second
    assert first == (int(SETTLED.timestamp()) * 1_000_000, 1)


def test_a_copy_of_an_older_file_changes_nothing(tmp_path: Path) -> None:
    """Its time is later than that of the file with the newest row."""
    written(tmp_path / "a.csv", day("1001"), at=SETTLED - timedelta(days=2))
    written(tmp_path / "b.csv", day("1001", Total="80.00"), at=SETTLED - timedelta(days=1))
    written(tmp_path / "a (1).csv", day("1001"), at=SETTLED)
    written(tmp_path / "0.csv", csv_text([ROW | {"Order": "1002"}]), at=SETTLED)

    source = files(tmp_path / "*.csv")
    found = orders(read(source))

    assert [order.number for order in found] == ["1002", "1001", "1001"]
    assert max(found[1:], key=lambda order: order.rank).amount == Decimal("80.00")
    assert source.copies == {"a (1).csv": "a.csv"}  # type: ignore[attr-defined]


def test_files_of_one_time_are_as_new_as_their_names_say(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        written(tmp_path / name, day(name))

    newest = max(orders(read(files(tmp_path / "*.csv"))), key=lambda order: order.rank)

    assert newest.number == "b.csv"


def test_a_literal_name_needs_no_escaping(tmp_path: Path) -> None:
    path = written(tmp_path / "orders [1].csv", day("1"))

    assert len(read(files(path))) == 1


def test_places_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    for folder in ("dk", "se"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "orders.csv", day("", Products=folder))

    rows = rejected(read(files(tmp_path / "**" / "*.csv")))

    assert [row.place for row in rows] == ["dk/orders.csv row 2", "se/orders.csv row 2"]


def test_a_place_is_text_whatever_bytes_a_name_has(tmp_path: Path) -> None:
    for nth, name in enumerate((b"\xe6.csv", b"\xf8.csv", b"\xf9\n\x1b[2J\xe2\x80\xae.csv")):
        written(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)), day("", Products=str(nth)))

    places = [row.place for row in rejected(read(files(tmp_path / "*.csv")))]
    assert places == ["\\xe6.csv row 2", "\\xf8.csv row 2", "\\xf9\\n\\x1b[2J\\u202e.csv row 2"]


@pytest.mark.parametrize("missing", ["*.csv", "orders.csv", "no/such/folder/*.csv"])
def test_a_glob_without_files_is_one_sentence(tmp_path: Path, missing: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    source = files(tmp_path / missing)

    for ask in (source.check, lambda: read(source)):
        with pytest.raises(SourceError, match=r"No file matches .*; correct source.path, or check why") as refused:
            ask()
        assert refused.value.exit_code is Exit.NO_INPUT


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    source = files(written(tmp_path / "orders.csv", day("1")))
    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(SourceError, match=r"^orders.csv cannot be read: Permission denied.$"):
        source.check()


def test_all_files_are_opened_before_the_first_row(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", day("1"))
    written(tmp_path / "b.csv", b"PK\3\4 cut")
    source = files(tmp_path / "*.csv")

    with pytest.raises(SourceError, match=r"^b.csv is damaged"):
        next(source.chunks(WINDOW))
    with pytest.raises(SourceError, match=r"^b.csv is damaged"):
        source.check()


def test_an_empty_file_and_one_with_another_header_stop_only_themselves(tmp_path: Path) -> None:
    for name, content in (("a", ""), ("b", "Order;Total\n"), ("c", day("1")), ("d", "\ufeff"), ("e", PROSE)):
        written(tmp_path / f"{name}.csv", content)
    source = files(tmp_path / "*.csv")

    for _ in range(2):
        source.check()
        assert [order.number for order in orders(read(source))] == ["1"]
        assert [sentence.partition(" ")[0] for sentence in source.refused_files()] == [
            "a.csv",
            "b.csv",
            "d.csv",
            "e.csv",
        ]
    assert 'b.csv has no column "E-mail" (source.columns.email), "Currency"' in source.refused_files()[1]
    assert ADDRESS not in " ".join(source.refused_files())
    written(tmp_path / "c.csv", day("1"), at=NOW)
    source.check()  # one file may be an export
    (tmp_path / "c.csv").unlink()
    with pytest.raises(SourceError, match=r"^a.csv is empty"):
        source.check()


def test_a_file_that_changed_too_recently_is_left_for_the_next_run(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", day("old"), at=NOW - timedelta(seconds=60))
    written(tmp_path / "b.csv", "half a hea", at=NOW - timedelta(seconds=12))
    written(tmp_path / "c.csv", "", at=NOW + timedelta(hours=1))
    source = files(tmp_path / "*.csv")

    source.check()
    assert [order.number for order in orders(read(source))] == ["old"]
    assert source.skipped_files() == ["b.csv (changed 12 s ago)", "c.csv (its time is 3600 s in the future)"]


def test_how_long_a_file_must_have_been_quiet_is_a_setting(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", day("1"), at=NOW)

    assert len(read(files(path, settle_seconds=0))) == 1
    assert read(files(path, settle_seconds=1)) == []


def test_what_was_left_is_judged_anew_by_every_reading(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", day("1"), at=NOW)
    times = iter([NOW, NOW + timedelta(minutes=2), NOW + timedelta(minutes=2)])
    source = files(path, clock=lambda: next(times))

    assert (read(source), len(source.skipped_files())) == ([], 1)
    assert (len(read(source)), source.skipped_files()) == (1, [])


def test_a_file_that_was_settled_when_checked_but_not_when_read_is_left_too(tmp_path: Path) -> None:
    times = iter([NOW, SETTLED + timedelta(seconds=9)])
    source = files(written(tmp_path / "a.csv", day("1")), clock=lambda: next(times))

    assert (read(source), source.skipped_files()) == ([], ["a.csv (changed 9 s ago)"])


@pytest.mark.parametrize("change", ["appended", "rewritten"])
def test_a_file_that_changes_while_it_is_read_stops_the_run_before_anything_is_sent(
    tmp_path: Path, change: str
) -> None:
    path = written(tmp_path / "a.csv", csv_text([ROW] * (3 * ROWS_PER_CHUNK)))
    chunks = files(path).chunks(WINDOW)
    next(chunks)
    if change == "appended":
        with path.open("a") as file:
            file.write("one more")
    else:
        written(path, day("1"), at=NOW)

    with pytest.raises(SourceUnavailable, match=r"^a.csv changed while it was read, so nothing is sent") as refused:
        list(chunks)
    assert refused.value.exit_code is Exit.TRY_AGAIN


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", csv_text([ROW] * (2 * ROWS_PER_CHUNK)))
    chunks = files(path).chunks(WINDOW)
    next(chunks)
    written(tmp_path / "new", day("1"), at=NOW).replace(path)

    assert len(next(chunks)) == ROWS_PER_CHUNK


def test_every_row_is_read_whatever_its_day(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv", csv_text([ROW | {"Paid": day} for day in ("1997-01-01", "2026-11-20", "2040-01-01")])
    )

    assert len(orders(read(files(path)))) == 3


def test_nothing_that_is_shown_of_a_source_is_somebodys_address(tmp_path: Path) -> None:
    source = files(written(tmp_path / "a.csv", day("1")))
    rows = read(source)

    assert ADDRESS not in repr(source) + source.description + repr(rows) + "".join(source.skipped_files())
    assert str(tmp_path) in source.description


def test_a_reason_is_kept_with_file_and_row(tmp_path: Path) -> None:
    path = written(tmp_path / "orders-2026-11-21.csv", csv_text([ROW, ROW | {"Total": "49,9,0"}]))

    (row,) = rejected(read(files(path)))

    assert (row.place, row.reason, row.order_no, row.field) == (
        *("orders-2026-11-21.csv row 3", Reason.BAD_AMOUNT, "1001", "amount"),
    )


def test_of_a_folder_the_files_with_the_endings_of_the_kind_are_read(tmp_path: Path) -> None:
    for name in ("a.csv", "b.TXT", "c.xlsx", ".d.csv", "e.json", "below/f.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        written(tmp_path / name, day(name))

    assert [order.number for order in orders(read(files(str(tmp_path))))] == ["a.csv", "b.TXT"]
    assert read(files(f"{tmp_path}/")) == read(files(str(tmp_path)))
    with pytest.raises(SourceError, match="No file matches"):
        files(str(tmp_path), kind="parquet").check()


@pytest.mark.parametrize("layout", ["orders", "items"])
def test_a_file_with_another_order_of_day_and_month_is_not_misread(tmp_path: Path, layout: str) -> None:
    of_this_year = [ROW | {"Order": "1", "Paid": "20/11/2026"}, ROW | {"Order": "2", "Paid": "03/11/2026"}]
    of_last_year = [
        ROW | {"Order": "3", "Paid": "10/11/2025 10:15"},
        ROW | {"Order": "4", "Paid": "11/28/2025 10:15"},
        ROW | {"Order": "5", "Paid": "11/11/2025"},
        ROW | {"Order": "6", "Paid": "2025-11-05"},
    ]
    written(tmp_path / "2025.csv", csv_text(of_last_year))
    written(tmp_path / "2026.csv", csv_text(of_this_year))

    source = files(tmp_path / "*.csv", format={"dates": "dmy", "layout": layout})
    rows = read(source)

    assert [(one.number, one.purchase_day.isoformat()) for one in orders(rows)] == [
        ("5", "2025-11-11"),
        ("6", "2025-11-05"),
        ("1", "2026-11-20"),
        ("2", "2026-11-03"),
    ]
    assert [(one.order_no, one.reason) for one in rejected(rows)] == [("3", Reason.BAD_DATE), ("4", Reason.BAD_DATE)]
    said = message(source.unparsed, Reason.BAD_DATE, "purchased_at")
    assert 'The month comes first there, although dates = "dmy"' in said
    assert "keep these (2025.csv row 2, 2025.csv row 3) out of source.path" in said


def test_a_file_with_other_marks_in_amounts_is_not_misread(tmp_path: Path) -> None:
    of_last_year = ("1,200.50", "15.00", "1,200", "1200")
    written(
        tmp_path / "2025.csv", csv_text([ROW | {"Order": str(n), "Total": each} for n, each in enumerate(of_last_year)])
    )
    written(tmp_path / "2026.csv", csv_text([ROW | {"Order": "9", "Total": "1.200"}]))

    rows = read(files(tmp_path / "*.csv", format={"decimal_mark": ","}))

    assert [(one.number, one.amount) for one in orders(rows)] == [
        ("0", Decimal("1200.50")),
        ("1", Decimal("15.00")),
        ("3", Decimal(1200)),
        ("9", Decimal(1200)),
    ]
    assert [(one.order_no, one.reason) for one in rejected(rows)] == [("2", Reason.AMBIGUOUS_AMOUNT)]
