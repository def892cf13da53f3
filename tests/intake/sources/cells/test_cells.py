"""What the text of one cell means, and what a typed cell is as text."""

import contextlib
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conversions.intake.sources.cells.cells import (
    CellError,
    NumberText,
    ParsedTime,
    as_text,
    first_instant,
    parse_amount,
    parse_time,
)
from conversions.intake.sources.cells.decimal_points import is_decimal_point
from conversions.model.conversion import Reason
from tests.intake.sources.shop import ZONE


def at(text: str, zone: ZoneInfo = ZONE) -> str:
    return parse_time(text, zone, "purchased_at").at.isoformat()


@pytest.mark.parametrize(
    "text",
    ["0", "29.35", "+29.35", "-10.00", "007.5", "999999999999", "1.123456", " 29.35 ", "29.35000000", "0.10000000"],
)
def test_a_plain_decimal_with_a_point_is_an_amount(text: str) -> None:
    assert parse_amount(text, "amount") == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", ".", "49,90", "1,234", "1.234,50", "1 234", "1'234", "1_000", "1e5", "1E+2", "NaN", "inf"),
        *("-Infinity", "0x10", "kr 49", "49 DKK", "€5", "=1+1", "1.1234567", "1000000000000", ".5", "5.", "--5"),
        *("٣", "１２", "1.2.3", "12\n13", "½"),
    ],
)
def test_anything_else_is_refused_and_never_guessed(text: str) -> None:
    with pytest.raises(CellError) as refused:
        parse_amount(text, "amount")

    assert (refused.value.reason, refused.value.field) == (Reason.BAD_AMOUNT, "amount")


@settings(deadline=None)
@given(st.decimals(-(10**12) + 1, 10**12 - 1, places=6))
def test_an_amount_is_exactly_what_stands_there(value: Decimal) -> None:
    assert parse_amount(f"{value:f}", "amount") == value


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T13:30:00+01:00",
        "2026-11-20T12:30:00Z",
        "2026-11-20T12:30Z",
        "2026-11-20 13:30:00+0100",
        "2026-11-20 07:30:00 -0500",
        "2026-11-20 13:30:00 +01:00",
        "2026-11-20 13:30:00.000 +01:00",
        "2026-11-20 13:30:00+01",
        "2026-11-20T13:30:00.000",
        "2026-11-20T13:30:00,000000000",
        "2026-11-20 13:30:00",
        " 2026-11-20 13:30 ",
    ],
)
def test_an_instant_has_an_offset_or_is_in_the_shops_zone(text: str) -> None:
    assert parse_time(text, ZONE, "x") == ParsedTime(
        datetime(2026, 11, 20, 12, 30, tzinfo=UTC), date(2026, 11, 20), False
    )


@pytest.mark.parametrize(
    "text", ["1.200", "12.340", "123.456", "+1.200", "-1.200", " 1.200 ", "9.000", "100.005", "\u00a01.200"]
)
def test_three_digits_behind_a_point_may_be_thousands(text: str) -> None:
    assert is_decimal_point(text) is False


@pytest.mark.parametrize(
    "text", ["1234.500", "0.500", "-0.500", "+1234.567", "123456.000", "0.000", "0001.200", " 1234.500 "]
)
def test_four_digits_or_only_a_0_before_a_point_are_no_thousands(text: str) -> None:
    assert is_decimal_point(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "29.35000000",
        "1.2000",
        "1.20",
        "1.2",
        "1200",
        "1200000",
        "0",
        "0.00",
        "0.50",
        "1234.50",
        "1234.5000",
        "29.35",
        "-10.00",
        "012.500",
        "",
    ],
)
def test_any_other_amount_says_nothing_and_is_not_in_doubt(text: str) -> None:
    assert is_decimal_point(text) is None


@pytest.mark.parametrize("value", [1.234, Decimal("1.200"), Decimal("-12.340"), Decimal("1234.500"), Decimal("0.500")])
def test_what_was_a_number_already_is_what_it_says(value: object) -> None:
    text = as_text(value, "|")

    assert isinstance(text, NumberText)
    assert is_decimal_point(text) is None
    assert is_decimal_point(str(text)) is not None


def test_the_day_of_an_instant_is_the_shops_not_the_offsets() -> None:
    assert parse_time("2026-11-20T23:30:00Z", ZONE, "x").day == date(2026, 11, 21)
    assert parse_time("2026-11-21T00:30:00+09:00", ZONE, "x").day == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "last_second"),
    [
        ("2026-11-20", "2026-11-20T22:59:59+00:00"),
        ("2026-07-01", "2026-07-01T21:59:59+00:00"),
        ("2026-03-29", "2026-03-29T21:59:59+00:00"),
        ("2026-10-25", "2026-10-25T22:59:59+00:00"),
    ],
)
def test_a_date_alone_is_the_last_second_of_that_day(text: str, last_second: str) -> None:
    day = parse_time(text, ZONE, "x")

    assert (day.at.isoformat(), day.day.isoformat(), day.ends_day) == (last_second, text, True)


def test_in_the_night_with_an_hour_twice_a_time_without_offset_is_the_first_of_the_two() -> None:
    assert at("2026-10-25 02:30:00") == "2026-10-25T00:30:00+00:00"
    assert at("2026-10-25T02:30:00+01:00") == "2026-10-25T01:30:00+00:00"


def test_in_the_night_that_lacks_an_hour_a_time_without_offset_is_moved_on() -> None:
    assert at("2026-03-29 01:59:59") == "2026-03-29T00:59:59+00:00"
    assert at("2026-03-29 02:30:00") == "2026-03-29T01:30:00+00:00"
    assert at("2026-03-29 03:00:00") == "2026-03-29T01:00:00+00:00"


def test_a_day_starts_with_its_first_instant_where_clocks_change_at_midnight() -> None:
    cairo = ZoneInfo("Africa/Cairo")

    assert first_instant(date(2026, 4, 24), cairo).isoformat() == "2026-04-23T22:00:00+00:00"
    assert parse_time("2026-04-23", cairo, "x").at.isoformat() == "2026-04-23T21:59:59+00:00"


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "20.11.2026", "20/11/2026", "11/20/2026", "2026/11/20", "2026-11-2", "2026-13-01"),
        *("2026-02-29", "2026-11-20T24:00", "2026-11-20T13:60", "1763642000", "20261120", "2026-W47-5", "2026-W47"),
        *("2026-11-20+01:00", "2026-11-20 +01:00", "2026-11-20 -0500", "2026-11-20Z", "2026-11-20x13:30"),
        *("2026-11-20 13:30:00 CET", "2026-11-20 13:30:00 UTC+1", "2026-11-20 1:30 PM", "0001-01-01T00:00:00+02:00"),
        *("9999-12-31", "9999-12-31T23:59:59-02:00", "2026-11-20\0", "２０２６-11-20", "infinity"),
    ],
)
def test_a_date_of_any_other_kind_is_refused_and_never_guessed(text: str) -> None:
    with pytest.raises(CellError) as refused:
        parse_time(text, ZONE, "purchased_at")

    assert (refused.value.reason, refused.value.field) == (Reason.BAD_DATE, "purchased_at")


@settings(deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)), st.sampled_from(["Europe/Copenhagen", "Africa/Cairo"]))
@example(datetime(2000, 10, 29, 2, 0, fold=1), "Europe/Copenhagen")
def test_a_time_without_offset_is_what_python_makes_of_it_in_the_zone(clock: datetime, name: str) -> None:
    zone = ZoneInfo(name)

    assert parse_time(clock.isoformat(), zone, "x").at == clock.replace(tzinfo=zone, fold=0).astimezone(UTC)


@settings(deadline=None)
@given(st.text())
@example("2026-11-20T13:30:00+99:99")
@example("2026-11-20 \ud800")
def test_no_text_breaks_the_reading_of_a_date_or_an_amount(text: str) -> None:
    with contextlib.suppress(CellError):
        assert parse_time(text, ZONE, "x").at.tzinfo is UTC
    with contextlib.suppress(CellError):
        assert abs(parse_amount(text, "x")) < 10**12


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("007", "007"),
        (7, "7"),
        (True, "True"),
        (29.35, "29.35"),
        (1001.0, "1001"),
        (0.1 + 0.2, "0.30000000000000004"),
        (float("nan"), ""),
        (float("inf"), "inf"),
        (1e22, "1e+22"),
        (Decimal("29.35000000"), "29.35000000"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0E-8"), "0.00000000"),
        (Decimal("NaN"), "NaN"),
        (date(2026, 11, 20), "2026-11-20"),
        (datetime(2026, 11, 20, 13, 30), "2026-11-20 13:30:00"),
        (datetime(2026, 11, 20, 13, 30, tzinfo=timezone(timedelta(hours=1))), "2026-11-20 13:30:00+01:00"),
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "caf\udce9"),
        (["CD-1", 7, None], "CD-1|7|"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    ],
)
def test_a_typed_cell_is_the_text_that_a_csv_file_would_hold(value: object, text: str) -> None:
    assert as_text(value, "|") == text


@settings(deadline=None)
@given(st.decimals(-(10**12) + 1, 10**12 - 1, places=6))
def test_a_decimal_never_passes_through_binary(value: Decimal) -> None:
    assert parse_amount(as_text(value, "|"), "amount") == value
