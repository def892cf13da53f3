"""A season of nights that are killed at random moments while the platforms misbehave, and one quiet night at its end."""

import random
import time
from dataclasses import dataclass, field

from tests.faults.nights import HUNG, LONGEST, Nights
from tests.faults.oracle import judge
from tests.faults.platforms import Platforms
from tests.faults.shop import POISON, Fate, Shop
from tests.faults.stations import Station

TROUBLE = (
    "429@0.06=1",
    "quota-per-day@0.04",
    "503@0.06",
    "lost@0.06",
    "dropped@0.04",
    "no-request-id:google@0.04",
    "wrong-count:meta@0.04",
    "slow@0.4=0.06",
    f"poison={POISON}",
)
"""About three requests in ten go wrong, and as many are slow."""
FINE = {0, 1, 75}
"""How a night that is not killed may end: all is well, a person is asked, or the rest waits."""
NIGHTS = 8
"""For each kill, at the most: some end before the moment of theirs."""


@dataclass
class Season:
    """One shop, one store, many nights."""

    shop: Shop
    platforms: Platforms
    nights: Nights
    dice: random.Random
    variant: str | None = None
    kills: int = 0
    complaints: list[str] = field(default_factory=list)
    _usual: float = 0.5
    """Seconds that a whole night takes."""

    def play(self, kills: int) -> list[str]:
        """So many kills, then a quiet night; every violation that the oracle finds."""
        self.platforms.misbehave(*TROUBLE)
        self.shop.trade()
        self.shop.object(self.shop.sales[30])
        for _ in range(kills * NIGHTS):
            if self.kills == kills or self.complaints:
                break
            self._night()
        self.platforms.misbehave(f"poison={POISON}")
        self.complaints += self.nights.until_done(self.shop, self.variant)
        return self.complaints + judge(self.shop, self.platforms.received(bodies=True))

    def _night(self) -> None:
        if self.dice.random() < 0.3:
            self.shop.reprice(self.dice.sample([sale for sale in self.shop.sales[-45:] if sale.fate is Fate.SENT], 8))
        begun = time.monotonic()
        self.nights.begin(self.shop, self.variant, *(["--restate"] if self.dice.random() < 0.3 else []))
        code = self._until_the_moment()
        if code is None:
            self.nights.kill()
            self.kills += 1
        else:
            self._usual = time.monotonic() - begun
            self._note(code)
            self.shop.trade()

    def _until_the_moment(self) -> int | None:
        """Wait for the moment of the kill; the exit code where the night ends before."""
        code = self._somebody_objects() if self.dice.random() < 0.3 else None
        if code is not None:
            return code
        if self.dice.random() < 0.5:
            return self.nights.ended(within=self.dice.uniform(0, self._usual))
        return self._until_arrived(self.platforms.arrived() + self.dice.randint(1, 6))

    def _until_arrived(self, requests: int) -> int | None:
        """The moment at which so many requests have arrived, most of them not answered yet."""
        end = time.monotonic() + LONGEST
        while (code := self.nights.ended(within=0.002)) is None and self.platforms.arrived() < requests:
            if time.monotonic() > end:
                self.nights.kill()
                return HUNG
        return code

    def _somebody_objects(self) -> int | None:
        """While the first requests are under way; whoever bought last is in none of them yet, most often."""
        self.platforms.misbehave("slow=0.2", f"poison={POISON}")
        code = self._until_arrived(self.platforms.arrived() + 1)
        buyers = [sale for sale in self.shop.sales[-15:] if sale.fate is Fate.SENT]
        if buyers:
            self.shop.object(self.dice.choice(buyers))
        self.platforms.misbehave(*TROUBLE)
        return code

    def _note(self, code: int) -> None:
        if code not in FINE:
            self.complaints.append(f"a night ended {code}")


def open_season(station: Station, seed: int, variant: str | None = None) -> Season:
    """A season on a fresh store."""
    return Season(station.open_shop(), station.platforms, station.nights, random.Random(seed), variant)
