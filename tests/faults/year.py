"""A year of nights on a clock of its own: outages, lost answers, summer time, a leap day, buyers who change their minds.

Played in one process, with the real store and the real sandbox. The seed decides everything; a year that went wrong is
played again with it. Run as ``python -m tests.faults.year SEED NIGHTS`` it plays one and prints what is wrong.
"""

import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

from conversions.cli import clock, main
from conversions.delivery import Delivery
from conversions.sandbox import Options, Sandbox
from tests.faults.evidence import read
from tests.faults.oracle import judge
from tests.faults.shop import POISON, Fate, Sale, Shop

ZONE = ZoneInfo("Europe/Copenhagen")
FIRST = date(2027, 10, 1)
"""From here a year has the end and the beginning of summer time, and 29 February 2028."""
CALM = (f"poison={POISON}",)
TROUBLE = ("429", "503", "lost", "dropped", "no-request-id:google", "wrong-count:meta", "html")
OUTAGE = ("503", "lost", "dropped", "429")
FINE = {0, 1, 75}
CLOCK_WRONG = 78
SUNDAY = 6
"""When somebody restates what changed."""
REMEMBERED = timedelta(days=14)
"""How far back an export reaches: each order is in a fortnight's."""


@dataclass
class Time:
    """The world's clock, and how far the shop's is off it."""

    now: datetime
    off: timedelta = timedelta()

    def world(self) -> datetime:
        return self.now

    def shop(self) -> datetime:
        return self.now + self.off


@dataclass
class Year:
    """So many nights of one shop."""

    shop: Shop
    sandbox: Sandbox
    time: Time
    dice: random.Random
    first: date = FIRST
    complaints: list[str] = field(default_factory=list)
    nights: int = 0
    _trouble: tuple[str, ...] = ()
    _away: int = 0
    """Nights for which the machine, or a platform, is still to be down."""

    def play(self, nights: int) -> list[str]:
        """Every violation, in words."""
        for day in range(nights):
            self._day(self.first + timedelta(days=day))
            if self.complaints:
                return [*self.complaints, *self.judge()]
        for day in range(nights, nights + 7):
            self._until(self.first + timedelta(days=day))
            self._change_minds()
            self._export()
            self.night(CALM)
        return [*self.complaints, *self.judge()]

    def _day(self, today: date) -> None:
        """Yesterday's trade, this morning's export, tonight's weather."""
        self._until(today)
        self._trade(today - timedelta(days=1))
        self._change_minds()
        self._export()
        for faults in self._weather():
            self.night(faults, *(["--restate"] if today.weekday() == SUNDAY else []))
        if (
            self.time.now.astimezone(ZONE).utcoffset()
            != (self.time.now - timedelta(days=1)).astimezone(ZONE).utcoffset()
        ):
            self.night(CALM)
        if self.dice.random() < 0.02:
            self._clock_set_back()

    def _until(self, day: date) -> None:
        """A quarter past six; in the night in which the clocks change, in the hour that is twice or never."""
        local = datetime.combine(day, time(6, 15), ZONE)
        changes = local.utcoffset() != datetime.combine(day - timedelta(days=1), time(6, 15), ZONE).utcoffset()
        hour = datetime.combine(day, time(2, 30), ZONE) if changes else local
        self.time.now = max(self.time.now, hour.astimezone(UTC))

    # what people do

    def _trade(self, day: date) -> None:
        """A day's orders, at any time of it; some are not complete yet, some never will be."""
        midnight = datetime.combine(day, time(), ZONE).astimezone(UTC)
        length = datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC) - midnight
        for _ in range(self.dice.choice([0, 1, 3, 4, 5, 6, 9])):
            bought = midnight + self.dice.random() * (length - timedelta(seconds=1))
            fate = self.dice.choices([Fate.SENT, Fate.REFUSED, Fate.WITHHELD], [92, 2, 6])[0]
            amount = Decimal(self.dice.randrange(100, 200_000)) / 100
            sale = Sale(f"Y{len(self.shop.sales):05}", fate, [amount], bought.astimezone(ZONE).replace(microsecond=0))
            if fate is Fate.WITHHELD:
                sale.denied, sale.status = self.dice.choice([(True, "completed"), (False, "cancelled")])
            elif self.dice.random() < 0.15:
                sale.status = "pending"
            sale.done = sale.bought if sale.status == "completed" else None
            self.shop.sales.append(sale)

    def _change_minds(self) -> None:
        """Late completions, money back, objections, consent taken back."""
        for sale in self._recent(timedelta(days=6)):
            if sale.status == "pending" and (self.dice.random() < 0.4 or self._old(sale)):
                sale.status, sale.done = "completed", self.time.now.astimezone(ZONE).replace(microsecond=0)
            elif sale.fate is not Fate.SENT or sale.status == "pending":
                continue
            elif (die := self.dice.random()) < 0.02:
                self._pay_back(sale, sale.amounts[-1] / 2)
            elif die < 0.03:
                self._pay_back(sale, sale.amounts[-1])
                sale.fate = Fate.EITHER
            elif die < 0.04:
                self.shop.object(sale)
            elif die < 0.05:
                self.shop.deny(sale)

    def _pay_back(self, sale: Sale, amount: Decimal) -> None:
        amount = amount.quantize(Decimal("0.01"))
        sale.refunded += amount
        sale.amounts.append(sale.amounts[-1] - amount)

    def _old(self, sale: Sale) -> bool:
        return self.time.now - sale.bought > timedelta(days=5)

    def _recent(self, span: timedelta) -> list[Sale]:
        since = self.time.now - span
        return [sale for sale in self.shop.sales[-250:] if sale.bought > since or (sale.done and sale.done > since)]

    def _export(self) -> None:
        """A fortnight's orders as they are today; two older exports lie there still."""
        self.shop.export(self._recent(REMEMBERED))
        for old in sorted(self.shop.directory.glob("orders-*.csv"))[:-3]:
            old.unlink()

    # what happens at night

    def _weather(self) -> Iterator[tuple[str, ...]]:
        """The faults of each of tonight's runs."""
        if self._away:
            self._away -= 1
            if self._trouble:
                yield self._trouble
        elif self.dice.random() < 0.04:
            self._away = self.dice.randint(1, 4)
            kind, where = self.dice.choice(OUTAGE), self.dice.choice(["", ":google", ":meta"])
            self._trouble = (kind + where, *CALM) if self.dice.random() < 0.7 else ()
            yield CALM
        else:
            yield self._squalls()
            if self.dice.random() < 0.1:
                yield CALM

    def _squalls(self) -> tuple[str, ...]:
        """Up to three requests go wrong at each platform."""
        kinds = self.dice.sample(TROUBLE, self.dice.choice([0, 0, 1, 1, 2, 3]))
        return (*(f"{kind}x1" for kind in kinds), *CALM)

    def night(self, faults: tuple[str, ...], *arguments: str) -> None:
        """One run, with these faults."""
        self.sandbox.use_faults(faults)
        code = self._run(*arguments)
        if code not in FINE:
            self.complaints.append(f"the night of {self.time.now:%Y-%m-%d %H:%M} ended {code}")

    def _clock_set_back(self) -> None:
        """By hours, or by days: the log has entries of a later time, so nothing may leave."""
        before = self.sandbox.received()
        self.time.off = -self.dice.choice([timedelta(hours=2), timedelta(days=3)])
        code = self._run()
        self.time.off = timedelta()
        if code != CLOCK_WRONG or self.sandbox.received() != before:
            self.complaints.append(f"the clock went back on {self.time.now:%Y-%m-%d}, and the night ended {code}")

    def _run(self, *arguments: str) -> int:
        self.nights += 1
        return main(["run", "--config", str(self.shop.config), "--json", *arguments])

    def restated(self) -> set[tuple[str, str]]:
        """Bodies by platform that told other values on purpose."""
        return read(self.shop).restated

    def judge(self, also: frozenset[str] = frozenset()) -> list[str]:
        """What the oracle finds."""
        sys.stdout.flush()
        return judge(self.shop, self.sandbox.received(bodies=True), also)


def play(directory: str, seed: int, nights: int, first: str = str(FIRST)) -> int:
    """Play one and leave what is wrong in ``complaints.json``."""
    home = Path(directory)
    with open_year(home, seed, date.fromisoformat(first)) as year:
        complaints = year.play(nights)
    (home / "complaints.json").write_text(json.dumps(complaints))
    return 0


@contextmanager
def open_year(home: Path, seed: int, first: date = FIRST) -> Iterator[Year]:
    """A shop that opens on the first day."""
    moment = Time(datetime.combine(first, time(), ZONE).astimezone(UTC))

    async def sleep(_: Delivery, seconds: float) -> None:
        moment.now += timedelta(seconds=seconds)

    with (
        Sandbox(
            clock=moment.world, options=Options(seed=seed, unmatched=0.3, processing=timedelta(hours=2))
        ) as sandbox,
        mock.patch.object(Delivery, "_sleep", sleep),
        mock.patch.object(clock, "now", moment.shop),
    ):
        shop = Shop(home, sandbox.url, senders=1, clock=moment.shop)
        shop.said.touch()
        yield Year(shop, sandbox, moment, random.Random(seed), first)


if __name__ == "__main__":
    from tests.faults.stations import workshop

    with workshop() as place:
        play(str(place / "year"), int(sys.argv[1]), int(sys.argv[2]))
        print((place / "year" / "complaints.json").read_text(), file=sys.stderr)
