"""Struck at every call that writes or talks: killed there, or the disk fails, or it is full."""

import pytest

from tests.faults import durable, points
from tests.faults.stations import Station, spread
from tests.faults.tracing import STRACE, WITHOUT

SAMPLE = 120
SEED = 3

pytestmark = pytest.mark.skipif(STRACE is None, reason=WITHOUT)


def test_a_sample_of_all_points_leaves_nothing_to_complain_of(stations: list[Station]) -> None:
    known = points.learn(stations[0])

    struck = dict(spread(stations, points.sample(known, SAMPLE, SEED), points.play))

    assert {str(point): found.complaints for point, found in struck.items() if found.complaints} == {}
    assert sum(found.hit for found in struck.values()) > 0.9 * SAMPLE
    assert len(known) > 1500


def test_nothing_leaves_before_it_is_on_disk(station: Station) -> None:
    assert durable.play(station) == []
