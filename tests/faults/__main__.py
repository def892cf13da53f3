"""``python -m tests.faults [KILLS]``: as many kills as there is patience for, in seasons of fifty."""

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.nights import open_nights
from tests.faults.platforms import open_platforms
from tests.faults.season import open_season

SEASON = 50


def main(kills: int) -> int:
    """The number of violations; each is printed with the seed of its season."""
    done, violations = 0, 0
    with open_platforms() as platforms, open_nights() as nights, TemporaryDirectory() as directory:
        while done < kills:
            seed = random.randrange(10**6)
            season = open_season(Path(directory) / "shop", platforms, nights, seed)
            complaints = season.play(min(SEASON, kills - done), seconds=600)
            done, violations = done + season.kills, violations + len(complaints)
            print(
                f"{done} of {kills} kills, {violations} violations (seed {seed})", *complaints, sep="\n  ", flush=True
            )
    return violations


if __name__ == "__main__":
    sys.exit(min(1, main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)))
