"""What trouble costs: requests for one bad order among many, and time for many orders while a third of all goes wrong."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.faults.nights import DONE, Nights
from tests.faults.platforms import open_platforms
from tests.faults.shop import Fate, Sale, Shop
from tests.faults.stations import Station

STORM = ("429@0.08=1", "503@0.08", "lost@0.06", "dropped@0.05", "html@0.03")
"""Three requests in ten."""
TRIES = 20


def one_bad_order(station: Station, orders: int) -> dict[str, int]:
    """Requests that each platform got for so many orders, one of which it refuses, in requests as large as it takes."""
    shop = station.open_shop(batch=orders)
    _sell(shop, orders, {orders // 3: Fate.REFUSED})
    code = station.nights.whole(shop)
    report = station.platforms.received()
    assert (code, report["google"]["distinct"], report["meta"]["distinct"]) == (1, orders - 1, orders - 1), report
    return {name: int(report[name]["requests"]) for name in ("google", "meta")}


@dataclass(frozen=True, slots=True)
class Drain:
    """How long it took to send everything, in seconds, waiting included."""

    calm: float
    storm: float
    nights: int

    @property
    def ratio(self) -> float:
        return self.storm / self.calm


def drain(nights: Nights, home: Path, orders: int) -> Drain:
    """Send so many orders to each platform, without trouble and in a storm."""
    calm, _ = _drained(nights, home / "calm", orders, ())
    storm, needed = _drained(nights, home / "storm", orders, STORM)
    return Drain(calm, storm, needed)


def _drained(nights: Nights, home: Path, orders: int, faults: tuple[str, ...]) -> tuple[float, int]:
    with open_platforms(faults, "--counting") as platforms:
        shop = Shop(home, platforms.url)
        _sell(shop, orders, {})
        begun = time.monotonic()
        tries, code = 0, -1
        while code not in DONE and tries < TRIES:
            tries += 1
            nights.fork("tests.faults.load:run", shop.said, config=str(shop.config))
            nights.let_go()
            code = nights.finished(3600)
        with closing(sqlite3.connect(shop.store)) as db:
            (sent,) = db.execute("SELECT count(*) FROM delivery WHERE state = 'received'").fetchone()
        assert sent == orders * 2, f"{sent} of {orders * 2} were sent in {tries} nights"
        return time.monotonic() - begun, tries


def run(config: str) -> int:
    """In the fork: the command line as it is."""
    from conversions.cli import main

    return main(["run", "--config", config, "--json"])


def _sell(shop: Shop, orders: int, fates: dict[int, Fate]) -> None:
    """Amounts within a factor of four: a lost decimal mark, which stops a run, looks otherwise."""
    bought = shop.clock() - timedelta(days=2)
    shop.sales += [
        Sale(f"L{i:07}", fates.get(i, Fate.SENT), [Decimal(i % 300) + 100], bought, bought) for i in range(orders)
    ]
    shop.export(shop.sales)
