"""A drawn year by the command line: one run a night, on a clock of its own, against the sandbox.

Every night finds a file of the orders of the day before, in place of the last one. Nothing is wrong, so that every
exit code but 0 is an alarm. Run as ``python -m tests.faults.false_year SIZE SEED NIGHTS``, it plays one and prints them.
"""

import contextlib
import csv
import io
import os
import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from conversions.cli import clock, main
from conversions.sandbox import Options, Sandbox, server
from tests.faults.drawn import BEFORE, SIZES, STATUSES, Situation, Year
from tests.faults.shop import HEADER, Shop
from tests.faults.stations import workshop
from tests.faults.year import Time

ZONE = ZoneInfo("Europe/Copenhagen")
CURRENCIES = ("DKK", "EUR")


def alarms(home: Path, year: Year, nights: int) -> Iterator[tuple[date, int, str]]:
    """The last day of every night that did not end with 0, how it ended, and what it said of it."""
    moment = Time(datetime.now(UTC))
    with (
        mock.patch.object(server, "deque", _kept_nowhere),
        Sandbox(clock=moment.world, options=Options(unmatched=0.3, processing=timedelta(hours=2))) as sandbox,
        mock.patch.object(clock, "now", moment.shop),
    ):
        shop = Shop(home, sandbox.url, senders=1, clock=moment.shop)
        _declare(shop, year)
        for nth, day in enumerate(year.days[BEFORE - 1 :][: nights + 1]):
            moment.now = datetime.combine(day + timedelta(1), time(6, 15), ZONE).astimezone(UTC)
            _export(shop, year, year.days[:BEFORE] if nth == 0 else [day])
            since = ["--since", str(year.days[0])] if nth == 0 else []
            with contextlib.redirect_stdout(io.StringIO()) as said:
                code = main(["run", "--config", str(shop.config), "--json", *since])
            if code and nth:  # what the first reading finds in sixty days is no alarm of this year
                yield day, code, said.getvalue()


def _kept_nowhere(maxlen: int | None) -> deque[Any]:
    """What arrives in a year of 3,000 orders a day fills the memory."""
    return deque(maxlen=0)


def _declare(shop: Shop, year: Year) -> None:
    closed = "".join(f'"{day}",' for day in sorted(year.situation.closed))
    shop.config.write_text(f"closed = [{closed}]\n{shop.config.read_text()}")


def _export(shop: Shop, year: Year, days: list[date]) -> None:
    path = shop.directory / "orders-0001.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for day in days:
            writer.writerows(_rows(year, day))
    written = clock.now().timestamp() - 3600
    os.utime(path, (written, written))


def _rows(year: Year, day: date) -> Iterator[list[str]]:
    """A header's columns each; rows that are no orders come last."""
    orders = year.orders(day)
    for n, (minor, product, currency, status, buyer) in enumerate(
        zip(orders.minor, orders.product, orders.currency, orders.status, orders.buyer, strict=True)
    ):
        bought = datetime.combine(day, time(8 + n % 12, n % 60), ZONE).isoformat()
        word = STATUSES[status]
        done, paid = bought if word == "completed" else "", f"{minor / 100:.2f}"
        number, email = f"{day:%y%m%d}{n:05}", f"buyer.{buyer}@example.com"
        yield [number, email, paid, CURRENCIES[currency], f"P-{product}", bought, done, word, "", ""]
    for n in range(orders.bad_rows):
        yield [f"{day:%y%m%d}B{n}", "", "", "", "", "not a time", "", "", "", ""]


def play(size: str, situation: Situation, seed: int, nights: int) -> list[tuple[date, int, str]]:
    """One year in a directory that is thrown away."""
    with workshop() as place:
        return list(alarms(place, Year(SIZES[size], situation, seed), nights))


if __name__ == "__main__":
    print(*play(sys.argv[1], Situation(), int(sys.argv[2]), int(sys.argv[3])), sep="\n")
