"""Nights on a clock of their own: both ends of summer time, a leap day, outages, a clock that goes back."""

import pytest

from tests.faults.scenarios import a_year
from tests.faults.stations import Station


@pytest.mark.parametrize(
    "first",
    [
        pytest.param("2027-10-11", id="the end of summer time"),
        pytest.param("2028-02-13", id="29 February and the beginning of summer time"),
    ],
)
def test_the_weeks_leave_nothing_to_complain_of(station: Station, first: str) -> None:
    assert a_year(station, None, seed=7, nights=50, first=first) == []
