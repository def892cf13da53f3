"""Times as exports write them: the order of day and month is declared, and never guessed."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conversions.intake.sources.cells.cells import CellError, ParsedTime, first_instant, parse_time
from conversions.intake.sources.cells.times import EXCEL_EPOCH, Times
from conversions.model.conversion import Reason
from conversions.settings.source_format import DateOrder
from tests.intake.sources.shop import ZONE

CLOCKS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda at: at.replace(microsecond=0))
NOON = ParsedTime(datetime(2026, 11, 28, 9, 15, tzinfo=UTC), date(2026, 11, 28), ends_day=False)


def time(cell: str, order: DateOrder | None = None) -> ParsedTime:
    return Times(ZONE, order)(cell, "purchased_at")


def is_refused(cell: str, order: DateOrder | None = None) -> bool:
    with pytest.raises(CellError) as refused:
        time(cell, order)
    return (refused.value.reason, refused.value.field) == (Reason.BAD_DATE, "purchased_at")


@settings(deadline=None)
@given(CLOCKS, st.sampled_from("-./"), st.sampled_from(["%H:%M:%S", "%H.%M.%S", "%I:%M:%S %p", "%I:%M:%S\u202f%p"]))
@example(datetime(2026, 10, 25, 2, 30), "-", "%H:%M:%S")
@example(datetime(2026, 3, 29, 2, 30), ".", "%H.%M.%S")
def test_a_time_of_any_declared_order_is_read_back(at: datetime, mark: str, clock: str) -> None:
    expected = parse_time(at.isoformat(), ZONE, "x")  # with the same rule for both nights in which clocks change

    for order, day in (("dmy", "%d{0}%m{0}%Y"), ("mdy", "%m{0}%d{0}%Y"), (None, "%Y{0}%m{0}%d")):
        assert time(f"{at:{day.format(mark)}} {at:{clock}}", order) == expected  # type: ignore[arg-type]
        whole = f"{at:{day.format(mark)}}"
        assert time(whole, order) == parse_time(at.date().isoformat(), ZONE, "x")  # type: ignore[arg-type]
        assert order is None or is_refused(whole)


@settings(deadline=None)
@given(CLOCKS)
def test_unix_time_and_days_of_excel_are_read_back(at: datetime) -> None:
    count = int(at.replace(tzinfo=UTC).timestamp())
    assert time(str(count), "unix").at == at.replace(tzinfo=UTC)
    assert (
        time(f"{count}000000", "unix").at
        == time(f"{count}000", "unix").at
        == time(f"{count}.0", "unix").at
        == at.replace(tzinfo=UTC)
    )
    days = (at - datetime.combine(EXCEL_EPOCH, datetime.min.time())) / timedelta(days=1)
    assert time(f"{days:.10f}", "excel").day == at.date()
    for cell in (f"{days:.10f}", f"{days:.6f}", f"{days:.10f}".replace(".", ",")):
        ends_day = parse_time(at.date().isoformat(), ZONE, "x")
        assert time(cell, "excel") == (parse_time(at.isoformat(), ZONE, "x") if days % 1 else ends_day)
    assert time(str(int(days)), "excel").ends_day
    assert all(is_refused(cell, order) for cell in (str(count), f"{days:.6f}") for order in (None, "iso", "dmy", "mdy"))


@settings(deadline=None)
@given(CLOCKS, st.sampled_from(["Europe/Copenhagen", "America/New_York", "Asia/Kolkata", "UTC"]), st.integers(0, 1))
@example(datetime(2026, 10, 25, 2, 30), "Europe/Copenhagen", 1)
def test_offsets_and_names_of_zones_are_that_instant(at: datetime, name: str, fold: int) -> None:
    zone = ZoneInfo(name)
    aware = at.replace(tzinfo=zone, fold=fold).astimezone(UTC).astimezone(zone)
    instant, written = aware.astimezone(UTC), aware.isoformat()

    assert time(f"{written}[{name}]").at == time(f"{written} {name}").at == instant
    assert time(format_datetime(aware)).at == instant
    assert time(f"{instant:%Y-%m-%d %H:%M:%S} UTC").at == time(f"{instant:%Y-%m-%d %H:%M:%S.000000 UTC}").at == instant
    assert time(f"{instant:%d.%m.%Y %H.%M.%S} UTC", "dmy").at == instant
    assert aware.fold or time(f"{at:%Y-%m-%d %H:%M:%S} {name}").at == at.replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    "cell",
    [
        *("28-11-2026 10:15", "28.11.2026 10.15", "28/11/2026 10:15:00", "28. 11. 2026 10:15", "28.11.2026 kl. 10.15"),
        *("28.11.2026, 10:15", "28-11-26 10:15", "28.11.2026 09:15 UTC", "28.11.2026 10:15 +01:00", "28.11.2026T10:15"),
        *("28-11-2026\u00a010:15", " 28/11/2026 10:15 ", "28-11-2026 10:15 AM", "2026-11-28 10:15", "2026/11/28 10:15"),
    ],
)
def test_day_first_has_many_spellings(cell: str) -> None:
    assert time(cell, "dmy") == NOON


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("2026-11-28 9:05", "2026-11-28T08:05:00+00:00"),
        ("2026-11-28 13.30", "2026-11-28T12:30:00+00:00"),
        ("2026-11-28T13.30.15", "2026-11-28T12:30:15+00:00"),
        ("2026-11-28 1:30 PM", "2026-11-28T12:30:00+00:00"),
        ("2026-11-28 12:30 a.m.", "2026-11-27T23:30:00+00:00"),
        ("2026-11-28 24:00", "2026-11-28T23:00:00+00:00"),
        ("2026-11-28T24:00:00+02:00", "2026-11-28T22:00:00+00:00"),
        ("2026-10-25 24:00", "2026-10-25T23:00:00+00:00"),
        ("2026-11-28 13:30 America/New_York", "2026-11-28T18:30:00+00:00"),
        ("2026-11-28 13:30:00 +0000 UTC", "2026-11-28T13:30:00+00:00"),
        ("Sat, 28 Nov 2026 13:30:00 -0000", "2026-11-28T13:30:00+00:00"),
        ("28 Nov 2026 13:30 EST (Eastern)", "2026-11-28T18:30:00+00:00"),
    ],
)
def test_what_has_one_meaning_is_read_without_a_setting(cell: str, at: str) -> None:
    assert time(cell).at.isoformat() == at


def test_midnight_at_the_end_of_a_day_is_the_next_day() -> None:
    assert time("2026-11-28 24:00").day == date(2026, 11, 29)
    assert time("2026-11-28 24:00").at == first_instant(date(2026, 11, 29), ZONE)


@pytest.mark.parametrize(
    "cell",
    [
        *("28-11-2026", "11/28/2026", "03.04.2026", "03-04-2026 10:15", "28-11-26", "1764324900", "46354", "46354.5"),
        *("2026-11-28 24:01", "2026-11-28 25:00", "2026-11-28 13:30 PM", "2026-11-28 0:30 AM", "2026-11-28 13:60"),
        *("2026-11-28 13:30 CET", "2026-11-28 13:30 EST", "2026-11-28 13:30 UTC+1", "2026-11-28 13:30 No/Where"),
        *("2026-11-28T13:30+02:00[Europe/Copenhagen]", "2026-11-28T13:30[Europe/Copenhagen", "2026-11-28 13:30.45"),
        *(
            "2026-11-28 13:30 Europe/../Paris",
            "2026-13-28",
            "2026-02-30 9:05",
            "20261128",
            "2026.11-28",
            "Sat, 28 Nov 2026",
        ),
        *(
            "Sat, 28 Nov 2026 13:30:00 CEST",
            "31 Nov 2026 13:30:00 GMT",
            "0000-00-00",
            "infinity",
            "\ud800",
            "2026-11-28Z",
        ),
    ],
)
def test_what_may_mean_two_times_or_none_is_refused(cell: str) -> None:
    assert is_refused(cell)


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        *(
            ("11/28/2026", "dmy"),
            ("28/11/2026", "mdy"),
            ("28-11-026", "dmy"),
            ("128-11-2026", "dmy"),
            ("28-11.2026", "dmy"),
        ),
        *(("29-02-2026", "dmy"), ("28 11 2026", "dmy"), ("46354", "dmy"), ("20261128", "unix"), ("46354", "unix")),
        *(("20261128", "excel"), ("1764324900", "excel"), ("4635", "excel"), ("1.76E+09", "unix"), ("-46354", "excel")),
    ],
)
def test_a_declared_order_is_strict(cell: str, order: DateOrder) -> None:
    assert is_refused(cell, order)


@settings(deadline=None)
@given(st.text("0123456789-./:, TZ+[]apmUC\u202f", max_size=26), st.sampled_from([None, "dmy", "mdy", "excel", "unix"]))
def test_no_text_breaks_the_reading_of_a_time(text: str, order: DateOrder | None) -> None:
    with contextlib.suppress(CellError):
        assert time(text, order).at.tzinfo is UTC
