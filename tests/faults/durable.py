"""Is what was intended on disk before it leaves? Asked of the kernel: no send with writes that nobody has synced."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.faults.shop import Shop
from tests.faults.stations import Station
from tests.faults.tracing import TALKS, WRITES, Call, Return, read, watched

SYNCS = {"fsync", "fdatasync"}


def play(station: Station, variant: str | None = None) -> list[str]:
    """One platform after the other, one request at a time, so that no other commit is under way while one leaves."""
    shop = station.open_shop(batch=4, senders=1)
    shop.trade()
    return [one for name in ("google", "meta") for one in _night(station, shop, variant, name)]


def _night(station: Station, shop: Shop, variant: str | None, destination: str) -> Iterator[str]:
    nights, log = station.nights, shop.directory / "calls.log"
    pid = nights.hold(shop, variant, "--destination", destination)
    with watched(pid, log, WRITES + TALKS):
        nights.let_go()
        code = nights.finished()
    left = list(unsynced(read(log)))
    if code not in {0, 1} or len(left) < 3:
        yield f"P1 a night for {destination} ended {code} after {len(left)} sends"
    for place in left:
        if place:
            yield f"P1 a request to {destination} left while {', '.join(sorted(place))} was not synced"


def unsynced(calls: Iterable[Call | Return]) -> Iterator[set[str]]:
    """For each send to a platform: the files of the log that were written to and not synced since."""
    dirty: set[str] = set()
    syncing: dict[int, str] = {}
    for one in calls:
        match one:
            case Return():
                dirty.discard(syncing.pop(one.thread, ""))
            case Call() if one.name in SYNCS:
                syncing[one.thread] = one.target
            case Call() if one.name in {"write", "pwrite64"} and Path(one.target).name.endswith("-wal"):
                dirty.add(one.target)
            case Call() if one.name in {"sendto", "sendmsg"} and one.target.startswith("TCP"):
                yield set(dirty)
