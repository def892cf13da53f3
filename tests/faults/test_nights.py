"""What the harness itself must withstand: a kill that comes too late, and a test that failed with a night under way."""

import time
from pathlib import Path

from tests.faults.nights import DONE, Nights
from tests.faults.shop import Shop
from tests.faults.stations import Station


def _trading(station: Station) -> Shop:
    shop = station.open_shop()
    shop.trade()
    return shop


def _let_end(nights: Nights) -> None:
    """Without being told that it has ended."""
    status = Path(f"/proc/{nights.pid}/status")
    while "State:\tZ" not in status.read_text():
        time.sleep(0.01)


def test_a_kill_that_comes_too_late_strikes_nobody(station: Station) -> None:
    shop, nights = _trading(station), station.nights
    nights.begin(shop)
    _let_end(nights)

    nights.kill()

    assert nights.whole(shop) in DONE


def test_a_night_left_under_way_spoils_no_other(station: Station) -> None:
    station.nights.hold(_trading(station))

    assert station.nights.whole(_trading(station)) in DONE
