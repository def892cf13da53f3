"""A station for all tests here: its processes take a second to come, and each process of pytest has one of its own."""

from collections.abc import Iterator

import pytest

from tests.faults.stations import Station, open_stations


@pytest.fixture(scope="package")
def station() -> Iterator[Station]:
    """Where one world after the other is played."""
    with open_stations(1) as (station,):
        yield station
