"""Stations for all tests here: their processes take a second to come."""

from collections.abc import Iterator

import pytest

from tests.faults.stations import Station, open_stations


@pytest.fixture(scope="package")
def stations() -> Iterator[list[Station]]:
    """One for each core."""
    with open_stations() as stations:
        yield stations


@pytest.fixture
def station(stations: list[Station]) -> Station:
    """The first of them."""
    return stations[0]
