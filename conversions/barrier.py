"""The barrier: the whole window is read, looked at, judged and staged before anything of it is claimed."""

from collections import Counter
from dataclasses import dataclass

from conversions import finding, guards, levels, restating
from conversions.crew import Crew
from conversions.errors import SourceUnavailable
from conversions.finding import Finding
from conversions.guards.evidence import gather
from conversions.guards.machine import moved
from conversions.guards.volume import too_many
from conversions.house import House
from conversions.ledger import accounts, bad_rows, days, lost, runs, shares, staging
from conversions.ledger.sightings import Sightings, open_sightings
from conversions.levels import Judgement
from conversions.night import Night, counted_once
from conversions.reading import Reading
from conversions.reading import read as read_window


@dataclass(frozen=True, slots=True)
class Said:
    """What the source says, and what guards say of it."""

    reading: Reading
    sightings: Sightings
    findings: list[Finding]
    judged: Counter[str]
    """How many orders and rows were judged anew, by what came of them."""
    amounts: Judgement
    """What the new orders look like beside what was paid before."""


def read(night: Night, crew: Crew) -> Said:
    """Read the window, and ask the guards what looks wrong. Raises SourceError."""
    house, ledger = night.house, night.ledger
    sightings = open_sightings(ledger, night.numbers)
    with night.progress.track("reading", None) as advance:
        reading = read_window(house.source, night.window, sightings, crew.disguised, house.resolve, advance)
    if reading.left_for_later and not reading.rows:
        raise SourceUnavailable(
            f"Every file was still being written ({', '.join(reading.left_for_later)}). Nothing is lost: run again in "
            "a minute, or set source.settle_seconds."
        )
    amounts = levels.judge(house, ledger, night.window, night.today)
    named = dict(zip(night.numbers, house.names, strict=True))
    evidence = gather(ledger, house.settings, night.wish, night.window, reading, named)
    seen = [*moved(night.run), *guards.findings(evidence), *amounts.findings]
    found = finding.answered(seen, night.wish.accepted)
    if not finding.stopping(found):
        levels.withhold(house, ledger, amounts, night.wish.accepted.get(levels.CODE, ()))
    return Said(reading, sightings, found, evidence.judgements.new, amounts)


def stage(night: Night, said: Said) -> list[Finding]:
    """Judge and stage every order; what keeps all of it from being sent is returned."""
    house, ledger, run, window, numbers = night.house, night.ledger, night.run, night.window, night.numbers
    bad_rows.keep(ledger, run)
    scheme = f"{house.pins['id scheme']} {house.pins['key']}"
    with night.progress.track("staging", said.reading.orders) as advance:
        for page in staging.stage(ledger, run.id, house.settings.shop, scheme):
            advance(page)
    shares.remember(ledger, run, said.judged, {one.about for one in said.findings})
    levels.learn(house, ledger, run, said.amounts, night.wish.accepted.get(levels.CODE, ()))
    days.remember(ledger, run.id, window, night.today)
    lost.set_aside(ledger, run, dict(zip(numbers, counted_once(house), strict=True)))
    runs.staged(ledger, run, window, [] if said.reading.left_for_later else numbers)
    if night.wish.restate:
        restating.stage(house, ledger, run, numbers)
    waiting = list(accounts.waiting(ledger, run.id, numbers).values())
    return finding.answered(too_many(most(house, waiting)), night.wish.accepted)


def most(house: House, waiting: list[int]) -> dict[str, tuple[int, int | None]]:
    """By destination: how many orders wait, and its ``max_new``, from which rehearsals are exempt."""
    limits = [None if house.settings.rehearsal else section.max_new for section in house.sections]
    return dict(zip(house.names, zip(waiting, limits, strict=True), strict=True))
