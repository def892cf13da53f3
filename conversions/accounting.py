"""Both sides of the balance: what was read, and what the ledger says became of it, after the last commit."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from conversions import forecast, guards, levels, matching, warned
from conversions.barrier import Said
from conversions.delivery.lane import Lane
from conversions.delivery.opening import resend_us
from conversions.diagnosis import Late
from conversions.finding import Finding
from conversions.guards import machine
from conversions.ledger import Ledger, accounts, bad_rows, corrections, news, redaction, retention, told, waits
from conversions.ledger.sightings import Sightings
from conversions.night import Night
from conversions.reading import Reading
from conversions.report import DestinationSide, Report, SourceSide


def account(night: Night, said: Said, lanes: list[Lane], second: list[Lane], late: Mapping[str, Late]) -> Report:
    """The report of a run; *second* are the lanes of restated values, *late* is what was learned before."""
    ledger, run, zone = night.ledger, night.run, night.house.settings.zone
    ledger.frugal()
    balance = accounts.balance(ledger, run.id, [(lane.outbox.name, lane.outbox.destination) for lane in lanes])
    fresh = news.news(ledger, run.id, {lane.outbox.destination: lane.outbox.resend_us for lane in lanes})
    sides = {}
    for lane in lanes:
        name, number = lane.outbox.name, lane.outbox.destination
        endings = [one.ending for one in (lane, *second) if one.ending and one.outbox.destination == number]
        found = corrections.corrections(ledger, run.id, number, lane.destination.restated)
        side = sides[name] = DestinationSide(balance[name], next(iter(endings), None), fresh[number], found, late[name])
        side.seconds, side.first_batch = lane.seconds, lane.outbox.max_events if lane.first_night else None
        left = waits.left(ledger, run.id, number, lane.outbox.resend_us)
        side.left = left.orders
        if first := left.first_too_old:
            side.too_old_at = f"{first.astimezone(zone):%Y-%m-%d %H:%M}"
    findings = said.findings + of_platforms(ledger, night.today)
    return Report(run.id, night.window, source_side(said.reading, said.sightings), sides, findings)


def account_stopped(night: Night, said: Said, late: Mapping[str, Late]) -> Report:
    """The report of a run that a finding stopped before it staged: what would have become of every order."""
    ledger, run, house = night.ledger, night.run, night.house
    sides = forecast.foresee(house, ledger, night.numbers)
    places = zip(night.numbers, house.views, house.sections, strict=True)
    counted = {number: resend_us(view.destination, section) for number, view, section in places}
    fresh = news.news(ledger, run.id, counted)
    for number, (name, side) in zip(night.numbers, sides.items(), strict=True):
        side.news, side.late, side.left = fresh[number], late[name], side.account.counts["pending"]
        side.ending = late[name].ending or side.ending
    source = source_side(said.reading, said.sightings)
    found = said.findings + of_platforms(ledger, night.today)
    return Report(run.id, night.window, source, sides, found, stopped=True)


def of_platforms(ledger: Ledger, today: date) -> list[Finding]:
    """What platforms warned of, and how many orders they match; silent where a person knows it."""
    return told.news(ledger, [*warned.findings(ledger), *matching.findings(ledger, today)])


def remember(night: Night, report: Report) -> None:
    """Of what the guards found: what is told now is not told again tomorrow."""
    judged = guards.codes() | {machine.CODE, levels.ALONE, warned.CODE, matching.CODE}
    told.remember(night.ledger, night.run, report.findings, judged)


def forget(night: Night) -> None:
    """Nothing is kept for ever; what is taken out leaves the files, too, and is tried again where it cannot yet."""
    settings = night.house.settings
    bad_rows.forget(night.ledger, settings.lookback_days)
    purged = retention.purge(night.ledger, retention.due(night.ledger, settings.zone, settings.privacy.retention_days))
    if purged.events or purged.orders:
        redaction.wipe(night.ledger)


def source_side(reading: Reading, sightings: Sightings) -> SourceSide:
    """The left side, in orders and in money."""
    values: dict[str, Decimal] = defaultdict(Decimal)
    for money, _ in sightings.stated():
        values[money.currency] += money.amount
    return SourceSide(
        rows=reading.rows,
        orders=reading.orders,
        repeated=reading.repeated,
        outside_window=reading.outside_window,
        quarantined={str(reason): count for reason, count in reading.quarantined.items()},
        values=dict(values),
        left_for_later=reading.left_for_later,
    )
