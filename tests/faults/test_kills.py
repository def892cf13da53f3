"""Killed at any moment while the platforms misbehave: nothing is lost, nothing counts twice, nothing left unlogged."""

from pathlib import Path

import pytest

from tests.faults.nights import Nights, open_nights
from tests.faults.platforms import Platforms
from tests.faults.season import open_season


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_season_of_kills_leaves_nothing_to_complain_of(
    tmp_path: Path, platforms: Platforms, nights: Nights, seed: int
) -> None:
    season = open_season(tmp_path / "shop", platforms, nights, seed)

    assert season.play(kills=20, seconds=120) == []
    assert season.kills >= 5, "too few to say anything"


def test_a_quiet_season_leaves_nothing_to_complain_of(tmp_path: Path, platforms: Platforms, nights: Nights) -> None:
    season = open_season(tmp_path / "shop", platforms, nights, 0)

    assert season.play(kills=0) == []


def test_two_nights_at_once_are_one_sender(tmp_path: Path, platforms: Platforms, nights: Nights) -> None:
    shop = open_season(tmp_path / "shop", platforms, nights, 0).shop
    shop.trade()
    platforms.misbehave("slow=1")

    with open_nights() as others:
        nights.begin(shop)
        while platforms.arrived() == 0:
            assert nights.ended(within=0.01) is None
        others.begin(shop)
        second = others.ended()
        first = nights.ended()

    assert (first, second) == (0, 75)
    assert "Another run holds the store: run 1 of" in shop.said.read_text()
    assert platforms.received()["google"]["duplicates"] == 0
