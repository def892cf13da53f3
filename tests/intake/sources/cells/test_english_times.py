"""Times with the name of a month, as Magento's and other grids write them."""

from datetime import UTC, date, datetime

import pytest

from conversions.intake.sources.cells.cells import CellError, parse_time
from tests.intake.sources.shop import ZONE


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("Nov 20, 2026 13:04:05 PM", 13, 4),
        ("Nov 20, 2026 01:04:05 PM", 13, 4),
        ("Nov 20, 2026 1:04:05 PM", 13, 4),
        ("Nov 20, 2026 12:04:05 PM", 12, 4),
        ("Nov 20, 2026 00:04:05 AM", 0, 4),
        ("Nov 20, 2026 12:04:05 AM", 0, 4),
        ("November 20, 2026, 11:04:05 AM", 11, 4),
        ("Nov 20, 2026 23:04:05", 23, 4),
        ("Nov 20 2026 23:04:05", 23, 4),
        ("20 Nov 2026 23:04:05", 23, 4),
        ("20. november 2026 11:04:05 PM", 23, 4),
        ("20-NOV-2026 23:04:05", 23, 4),
    ],
)
def test_hours_of_half_or_of_a_whole_day_have_one_meaning(text: str, hour: int, minute: int) -> None:
    found = parse_time(text, ZONE, "purchased_at")

    assert found.at == datetime(2026, 11, 20, hour, minute, 5, tzinfo=ZONE).astimezone(UTC)
    assert (found.day, found.ends_day) == (date(2026, 11, 20), False)


def test_a_day_alone_is_the_whole_day() -> None:
    found = parse_time("Dec 8, 2026", ZONE, "purchased_at")

    assert (found.day, found.ends_day) == (date(2026, 12, 8), True)


@pytest.mark.parametrize(
    "text",
    [
        *("Foo 20, 2026", "Nov 31, 2026", "Nov 20, 2026 25:00:00", "20 nov, 2026", "20-Nov-26", "Nov-20-26"),
        *("20. marraskuu 2026", "Marraskuu 20, 2026", "20 okt 2026", "20Nov2026"),
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(CellError):
        parse_time(text, ZONE, "purchased_at")
