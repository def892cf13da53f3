"""Killed at any moment while the platforms misbehave: nothing is lost, nothing counts twice, nothing left unlogged."""

from tests.faults.season import open_season
from tests.faults.stations import Station, spread

SEASONS, KILLS = 20, 25


def test_seasons_of_kills_leave_nothing_to_complain_of(stations: list[Station]) -> None:
    seasons = []

    def play(station: Station, seed: int) -> list[str]:
        season = open_season(station, seed)
        seasons.append(season)
        return season.play(KILLS, seconds=200)

    assert {seed: complaints for seed, complaints in spread(stations, range(SEASONS), play) if complaints} == {}
    assert sum(season.kills for season in seasons) >= SEASONS * KILLS / 4, "too few to say anything"


def test_a_quiet_season_leaves_nothing_to_complain_of(station: Station) -> None:
    assert open_season(station, 0).play(kills=0) == []
