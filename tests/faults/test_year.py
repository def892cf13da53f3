"""Nights on a clock of their own: both ends of summer time, a leap day, outages, a clock that goes back."""

from tests.faults.scenarios import a_year
from tests.faults.stations import Station, spread

PARTS = {"2027-10-11": 50, "2028-02-13": 50}
"""The weeks around the end of summer time; those from before 29 February to its beginning."""


def test_the_year_leaves_nothing_to_complain_of(stations: list[Station]) -> None:
    def play(station: Station, first: str) -> list[str]:
        return a_year(station, None, seed=7, nights=PARTS[first], first=first)

    assert dict(spread(stations, PARTS, play)) == {first: [] for first in PARTS}
