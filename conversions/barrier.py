"""The barrier: the whole window is read, looked at, judged and staged before anything of it is claimed."""

from dataclasses import dataclass
from functools import partial

from conversions import guard, restating
from conversions.crew import Crew
from conversions.errors import SourceUnavailable, SuspiciousSource
from conversions.finding import Finding
from conversions.house import House
from conversions.ledger import accounts, days, lost, runs, staging
from conversions.ledger.sightings import Sightings, open_sightings
from conversions.night import Night, counted_once
from conversions.order import RowRejected
from conversions.reading import Reading, as_rows
from conversions.reading import read as read_window


@dataclass(frozen=True, slots=True)
class Said:
    """What the source says."""

    reading: Reading
    sightings: Sightings
    few: list[Finding]
    """Days with too few orders."""


def read(night: Night, crew: Crew) -> Said:
    """Read the window. Raises SourceError, or SuspiciousSource where it looks wrong and nobody has accepted it."""
    house, ledger, run, window = night.house, night.ledger, night.run, night.window
    sightings = open_sightings(ledger, night.numbers)
    with night.progress.track("reading", None) as advance:
        reading = read_window(house.source, window, sightings, crew.disguised, partial(_reject, night), advance)
    if reading.left_for_later and not reading.rows:
        raise SourceUnavailable(
            f"Every file was still being written ({', '.join(reading.left_for_later)}). Nothing is lost: run again in "
            "a minute, or set source.settle_seconds."
        )
    odd = guard.odd(ledger, house.settings.shop, window, house.names, night.numbers)
    guard.accept(ledger, run, odd, night.wish.accepted, night.wish.reason)
    return Said(reading, sightings, days.findings(ledger, window, night.today, house.settings.closed_days))


def stage(night: Night, said: Said) -> None:
    """Judge and stage every order. Raises SuspiciousSource where more wait to be sent than is usual."""
    house, ledger, run, window, numbers = night.house, night.ledger, night.run, night.window, night.numbers
    scheme = f"{house.pins['id scheme']} {house.pins['key']}"
    with night.progress.track("staging", said.reading.orders) as advance:
        for page in staging.stage(ledger, run.id, house.settings.shop, scheme):
            advance(page)
    days.remember(ledger, run.id, window, night.today)
    lost.set_aside(ledger, run, dict(zip(numbers, counted_once(house), strict=True)))
    runs.staged(ledger, run, window, [] if said.reading.left_for_later else numbers)
    waiting = list(accounts.waiting(ledger, run.id, numbers).values())
    if mistakes := guard.too_many(most(house, waiting), night.wish.accept_large):
        raise SuspiciousSource(" ".join(mistakes))
    if night.wish.restate:
        restating.stage(house, ledger, run, numbers)


def most(house: House, waiting: list[int]) -> dict[str, tuple[int, int | None]]:
    """By destination: how many orders wait, and its ``max_new``, from which rehearsals are exempt."""
    limits = [None if house.settings.rehearsal else section.max_new for section in house.sections]
    return dict(zip(house.names, zip(waiting, limits, strict=True), strict=True))


def _reject(night: Night, rows: "list[RowRejected]") -> None:
    accounts.reject_rows(night.ledger, night.run.id, as_rows(rows))
