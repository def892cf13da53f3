"""A harness that cannot fail proves nothing: each way to break the program must be caught by the oracle."""

from pathlib import Path

import pytest

from tests.faults.nights import Nights
from tests.faults.platforms import Platforms
from tests.faults.season import open_season
from tests.faults.variants import VARIANTS

SEASONS = 15


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_oracle_catches(tmp_path: Path, platforms: Platforms, nights: Nights, variant: str) -> None:
    for seed in range(SEASONS):
        season = open_season(tmp_path / "shop", platforms, nights, seed, variant)
        if season.play(kills=6, seconds=30):
            return

    pytest.fail(f"{variant} survived {SEASONS} seasons")
