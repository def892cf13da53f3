"""Killed at any moment while the platforms misbehave: nothing is lost, nothing counts twice, nothing left unlogged."""

import pytest

from tests.faults.season import open_season
from tests.faults.stations import Station

SEASONS, KILLS = 20, 25


@pytest.mark.parametrize("seed", range(SEASONS))
def test_a_season_of_kills_leaves_nothing_to_complain_of(station: Station, seed: int) -> None:
    season = open_season(station, seed)

    assert season.play(KILLS) == []
    assert season.kills >= KILLS / 2, "too few to say anything"


def test_a_quiet_season_leaves_nothing_to_complain_of(station: Station) -> None:
    assert open_season(station, 0).play(kills=0) == []
