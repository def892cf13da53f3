"""Every point at which a night can be struck: each call that writes or talks, in a small scripted world.

Two destinations, three requests each, an answer lost at both, an order that is refused, a buyer who objects; then the
same again as a rerun. The world is played once unharmed to learn its calls, then once for each point.
"""

import random
import signal
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path

from tests.faults.nights import DONE
from tests.faults.oracle import judge
from tests.faults.shop import POISON, Shop
from tests.faults.stations import Station
from tests.faults.tracing import TALKS, WRITES, Call, read, watched

CALLS = WRITES + TALKS
DISK = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate")
"""What a bad or a full disk fails."""
SCRIPT = (f"poison={POISON}", "lost:googlex1", "lost:metax1")
NIGHTS = (1, 2)
STOPPED = {0, 1, 74, 75, 78}
"""How a night may end whose disk fails: it went on, or it says that the store or the tail file cannot be written."""


class Blow(StrEnum):
    """What strikes."""

    KILL = "SIGKILL"
    EIO = "EIO"
    FULL = "ENOSPC"
    """From this call on, as a disk that is full stays full."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that goes wrong, once."""

    night: int
    call: str
    nth: int
    blow: Blow

    def __str__(self) -> str:
        return f"night {self.night}, {self.blow} at {self.call} {self.nth}"

    @property
    def injection(self) -> str:
        """In strace's words."""
        match self.blow:
            case Blow.KILL:
                return f"{self.call}:signal=SIGKILL:when={self.nth}"
            case Blow.EIO:
                return f"{self.call}:error=EIO:when={self.nth}"
            case Blow.FULL:
                return f"{self.call}:error=ENOSPC:when={self.nth}+"


@dataclass(frozen=True, slots=True)
class Struck:
    """What became of a point."""

    hit: bool
    """Whether the call was ever made: threads take turns as they like."""
    complaints: tuple[str, ...]


def learn(station: Station) -> list[Point]:
    """All points of the world."""
    points = []
    for night in NIGHTS:
        shop = _evening(station, night)
        _watch(station, shop, None)
        calls = [one for one in read(_log(shop)) if isinstance(one, Call)]
        points += [Point(night, name, nth, Blow.KILL) for name, nth in sorted({(c.name, c.nth) for c in calls})]
        stored = [c for c in calls if c.name in DISK and c.target.startswith(str(shop.store.parent))]
        points += [Point(night, c.name, c.nth, blow) for blow in (Blow.EIO, Blow.FULL) for c in stored]
    return points


def sample(points: Sequence[Point], count: int, seed: int) -> list[Point]:
    """About so many of them, of every kind: most calls are writes of one page, and much alike."""
    dice, kinds = random.Random(seed), defaultdict(list)
    for point in points:
        kinds[point.night, point.call, point.blow].append(point)
    shares = [dice.sample(alike, len(alike)) for alike in kinds.values()]
    return [point for row in zip_longest(*shares) for point in row if point][:count]


def play(station: Station, point: Point, variant: str | None = None) -> Struck:
    """The world, struck at *point*; then nights without trouble to the end, and the oracle."""
    shop = _evening(station, point.night)
    code = _watch(station, shop, point, variant)
    said, log = shop.said.read_text(), _log(shop).read_text(errors="replace")
    hit = code == -signal.SIGKILL if point.blow is Blow.KILL else "(INJECTED)" in log
    station.platforms.misbehave(f"poison={POISON}")
    complaints = [] if code in STOPPED or (hit and point.blow is Blow.KILL) else [f"the night ended {code}"]
    if "Traceback" in said or "Internal error" in said:
        complaints.append("the night ended without a sentence")
    complaints += station.nights.until_done(shop, variant)
    return Struck(hit, (*complaints, *judge(shop, station.platforms.received(bodies=True))))


def _evening(station: Station, night: int) -> Shop:
    """The shop before *night*; the first one finds no store yet."""
    shop = station.open_shop(batch=4, senders=1)
    for one in range(1, night + 1):
        if one > 1:
            assert station.nights.whole(shop) in DONE, shop.said.read_text()[-500:]
            shop.object(shop.sales[0])
            shop.reprice(shop.sales[3:5])
        shop.trade()
        station.platforms.misbehave(*SCRIPT)
    return shop


def _watch(station: Station, shop: Shop, point: Point | None, variant: str | None = None) -> int:
    """One night under strace; its exit code."""
    nights = station.nights
    pid = nights.hold(shop, variant, "--restate")
    with watched(pid, _log(shop), CALLS, point.injection if point else None):
        nights.let_go()
        return nights.finished()


def _log(shop: Shop) -> Path:
    return shop.directory / "calls.log"
