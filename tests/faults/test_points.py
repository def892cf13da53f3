"""Struck at every call that writes or talks: killed there, or the disk fails, or it is full."""

import pytest

from tests.faults import durable, points
from tests.faults.points import Point
from tests.faults.stations import Station
from tests.faults.tracing import STRACE, WITHOUT

SHARES, SAMPLE = 10, 12
SEED = 3

pytestmark = pytest.mark.skipif(STRACE is None, reason=WITHOUT)


@pytest.fixture(scope="package")
def known(station: Station) -> list[Point]:
    """All points."""
    return points.learn(station)


def test_there_are_enough_points(known: list[Point]) -> None:
    assert len(known) > 1500


@pytest.mark.parametrize("share", range(SHARES))
def test_a_sample_of_all_points_leaves_nothing_to_complain_of(station: Station, known: list[Point], share: int) -> None:
    chosen = points.sample(known, SHARES * SAMPLE, SEED)[share::SHARES]

    struck = {point: points.play(station, point) for point in chosen}

    assert {str(point): found.complaints for point, found in struck.items() if found.complaints} == {}
    assert sum(found.hit for found in struck.values()) > 0.7 * SAMPLE


def test_nothing_leaves_before_it_is_on_disk(station: Station) -> None:
    assert durable.play(station) == []
