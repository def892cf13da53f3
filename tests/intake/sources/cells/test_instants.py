"""A window is read whole whichever clock a column is in, and a time without offset is what the column says it is."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conversions.intake.sources.cells.cells import first_instant
from conversions.intake.sources.cells.instants import ROUNDING, bounds, in_utc, span, with_offsets
from conversions.intake.sources.fields import FIELDS
from conversions.model.conversion import Window
from conversions.settings import Bounds
from tests.intake.sources.shop import MAPPED, OPTIONAL, ROW, database, orders, query

COPENHAGEN, NEW_YORK = ZoneInfo("Europe/Copenhagen"), ZoneInfo("America/New_York")
ZONES = [COPENHAGEN, NEW_YORK, ZoneInfo("UTC"), ZoneInfo("Pacific/Apia"), ZoneInfo("America/Havana")]
"""Havana's clocks change at midnight."""
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
TIMES = st.sampled_from([time(), time(0, 30), time(23, 30), time(23, 59, 59, 999_999)]) | st.times()
BY_TEXT = "Paid >= :since AND Paid < :until"
BY_DATETIME = "datetime(Paid) >= datetime(:since) AND datetime(Paid) < datetime(:until)"


def spelt(at: datetime, spelling: str) -> str:
    """*at*, on the shop's clock, as shops write it."""
    match spelling:
        case "with offset":
            return at.isoformat()
        case "in UTC":
            return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}Z"
        case "UTC without offset":
            return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        case _:
            return at.replace(tzinfo=None).isoformat(spelling)


@given(
    day=DAYS,
    at=TIMES,
    zone=st.sampled_from(ZONES),
    spelling=st.sampled_from(["T", " ", "with offset", "in UTC", "UTC without offset"]),
    condition=st.sampled_from([BY_TEXT, BY_DATETIME]),
)
@example(date(2026, 3, 29), time(23, 30), COPENHAGEN, " ", BY_TEXT)
@example(date(2026, 10, 25), time(23, 59, 59, 999_999), COPENHAGEN, " ", BY_DATETIME)
@example(date(2026, 1, 1), time(23, 59, 59, 999_999), NEW_YORK, "with offset", BY_DATETIME)
@example(date(2026, 7, 21), time(0, 30), COPENHAGEN, "UTC without offset", BY_TEXT)
@example(date(2026, 7, 21), time(23, 30), NEW_YORK, "UTC without offset", BY_DATETIME)
def test_one_day_is_read_whole_however_a_shop_writes_its_times(
    tmp_path_factory: pytest.TempPathFactory, day: date, at: time, zone: ZoneInfo, spelling: str, condition: str
) -> None:
    bought = datetime.combine(day, at, zone).astimezone(UTC).astimezone(zone)  # where the clocks skip it, the next hour
    path = database(tmp_path_factory.mktemp("shop") / "shop.db", [ROW | {"Paid": spelt(bought, spelling)}])
    naive_times = "utc" if spelling == "UTC without offset" else None
    source = query(f"sqlite:///{path}", f"SELECT * FROM orders WHERE {condition}", zone=zone, naive_times=naive_times)

    (order,) = (order for chunk in source.chunks(Window(day, day)) for order in orders(chunk))

    assert order.window_day == day
    assert spelling in {"T", " "} or order.purchased_at == bought  # the hour that comes twice is the first of them


@given(since=DAYS, length=st.integers(0, 70), zone=st.sampled_from(ZONES))
def test_a_span_holds_the_window_in_utc_and_on_the_shops_clock(since: date, length: int, zone: ZoneInfo) -> None:
    window = Window(since, since + timedelta(days=length))
    first, end = span(window, zone, None)
    utc, local = span(window, zone, "utc"), span(window, zone, "local")

    assert utc == (
        first_instant(window.since, zone).replace(tzinfo=None),
        first_instant(window.until + timedelta(days=1), zone).replace(tzinfo=None),
    )
    assert [at.time() for at in local] == [time(), time()]
    assert {first, end - ROUNDING} <= {*utc, *local}
    assert all(first <= part[0] and part[1] <= end for part in (utc, local))


@pytest.mark.parametrize(
    ("backend", "clock", "aware"),
    [
        ("postgresql", None, True),
        ("postgresql", "utc", True),
        ("postgresql", "local", False),
        ("mysql", None, False),
        ("mssql", "utc", False),
    ],
)
def test_bounds_are_what_each_database_takes(backend: str, clock: Bounds | None, aware: bool) -> None:
    at = datetime(2026, 11, 20, 23)

    assert bounds((at, at), clock, backend) == dict.fromkeys(
        ("since", "until"), at.replace(tzinfo=UTC) if aware else at
    )


def types(**codes: int) -> list[int | None]:
    return [codes.get(field) for field in FIELDS]


@pytest.mark.parametrize("backend", ["mysql", "mariadb"])
def test_each_timestamp_of_mysql_is_utc_and_each_datetime_the_shops(backend: str) -> None:
    found = in_utc(types(purchased_at=12, completed_at=7, updated_at=7, status=7), None, backend)

    assert {FIELDS[nth] for nth in found} == {"completed_at", "updated_at"}


def test_the_setting_decides_what_a_type_leaves_open() -> None:
    assert in_utc(types(purchased_at=7), "shop", "mysql") == {FIELDS.index("purchased_at")}
    assert len(in_utc(types(purchased_at=12), "utc", "mysql")) == 3


def test_a_type_code_of_another_database_says_nothing() -> None:
    assert in_utc(types(purchased_at=7), None, "postgresql") == frozenset()


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2026-11-20 23:30:00", "2026-11-20 23:30:00+00:00"),
        (" 2026-11-20T23:30 ", "2026-11-20T23:30+00:00"),
        ("2026-11-20 23:30:00.123456", "2026-11-20 23:30:00.123456+00:00"),
        *((cell, cell) for cell in ("2026-11-20T23:30:00+01:00", "2026-11-20 23:30:00 -0500", "2026-11-20T23:30:00Z")),
        *((cell, f"{cell}+00:00") for cell in ("20.11.2026 23:30", "11/20/2026, 9:05 PM", "46346.9791666667")),
        *((cell, cell) for cell in ("2026-11-20", "", "never", "20.11.2026", "46346", "20.11.2026 23:30 UTC")),
    ],
)
def test_an_offset_is_stated_where_a_time_has_none(cell: str, said: str) -> None:
    assert with_offsets((cell, cell), {1}) == (cell, said)
    assert with_offsets((cell, cell), frozenset()) == (cell, cell)


def test_utc_holds_for_every_time_of_a_row_and_no_other_cell(tmp_path: Path) -> None:
    at = "2026-11-20 23:30:00"
    row = ROW | {"Order": at, "Paid": at, "Completed": at, "Updated": at, "Refunded": "", "Consent": "", "Ads": ""}
    source = query(f"sqlite:///{database(tmp_path / 'shop.db', [row])}", mapped=MAPPED | OPTIONAL, naive_times="utc")

    day = date(2026, 11, 21)
    (order,) = (order for chunk in source.chunks(Window(day, day)) for order in orders(chunk))

    assert (order.number, order.purchase_day, order.window_day) == (at, day, day)
    assert order.rank[0] == datetime(2026, 11, 20, 23, 30, tzinfo=UTC).timestamp() * 1_000_000
