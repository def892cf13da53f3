"""Both sides of the balance: what was read, and what the ledger says became of it, after the last commit."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from conversions import anomalies
from conversions.anomalies import amounts, host_change, match_rate, platform_warnings
from conversions.delivery.open_queue import resend_us
from conversions.delivery.queue import Lane
from conversions.ledger import Ledger
from conversions.ledger.queries import backlog, totals, unreported
from conversions.ledger.restatements import eligibility
from conversions.ledger.runs import findings as told
from conversions.ledger.staging import bad_rows
from conversions.ledger.staging.snapshot import Sightings
from conversions.ledger.subjects import redaction, retention
from conversions.model.finding import Finding
from conversions.model.late_result import Late
from conversions.model.read_counts import Reading
from conversions.run import estimate
from conversions.run.context import Night
from conversions.run.read_result import Said
from conversions.run.report import DestinationSide, Report, SourceSide


def account(night: Night, said: Said, lanes: list[Lane], second: list[Lane], late: Mapping[str, Late]) -> Report:
    """The report of a run; *second* are the lanes of restated values, *late* is what was learned before."""
    ledger, run, zone = night.ledger, night.run, night.scope.settings.zone
    ledger.frugal()
    balance = totals.balance(ledger, run.id, [(lane.outbox.name, lane.outbox.destination) for lane in lanes])
    fresh = unreported.news(ledger, run.id, {lane.outbox.destination: lane.outbox.resend_us for lane in lanes})
    sides = {}
    for lane in lanes:
        name, number = lane.outbox.name, lane.outbox.destination
        endings = [one.ending for one in (lane, *second) if one.ending and one.outbox.destination == number]
        found = eligibility.corrections(ledger, run.id, number, lane.destination.restated)
        side = sides[name] = DestinationSide(balance[name], next(iter(endings), None), fresh[number], found, late[name])
        side.seconds, side.first_batch = lane.seconds, lane.outbox.max_events if lane.first_night else None
        left = backlog.left(ledger, run.id, number, lane.outbox.resend_us)
        side.left = left.orders
        if first := left.first_too_old:
            side.too_old_at = f"{first.astimezone(zone):%Y-%m-%d %H:%M}"
    findings = said.findings + of_platforms(ledger, night.scope.today)
    return Report(run.id, night.scope.window, source_side(said.reading, said.sightings), sides, findings)


def account_stopped(night: Night, said: Said, late: Mapping[str, Late]) -> Report:
    """The report of a run that a finding stopped before it staged: what would have become of every order."""
    ledger, run, house = night.ledger, night.run, night.scope.house
    sides = estimate.foresee(house, ledger, night.scope.numbers)
    places = zip(night.scope.numbers, house.views, strict=True)
    counted = {number: resend_us(view.destination, view.section) for number, view in places}
    fresh = unreported.news(ledger, run.id, counted)
    for number, (name, side) in zip(night.scope.numbers, sides.items(), strict=True):
        side.news, side.late, side.left = fresh[number], late[name], side.account.counts["pending"]
        side.ending = late[name].ending or side.ending
    source = source_side(said.reading, said.sightings)
    found = said.findings + of_platforms(ledger, night.scope.today)
    return Report(run.id, night.scope.window, source, sides, found, stopped=True)


def of_platforms(ledger: Ledger, today: date) -> list[Finding]:
    """What platforms warned of, and how many orders they match; silent where a person knows it."""
    return told.news(ledger, [*platform_warnings.findings(ledger), *match_rate.findings(ledger, today)])


def remember(night: Night, report: Report) -> None:
    """Of what the guards found: what is told now is not told again tomorrow."""
    judged = anomalies.codes() | {host_change.CODE, amounts.ALONE, platform_warnings.CODE, match_rate.CODE}
    told.remember(night.ledger, night.run, report.findings, judged)


def forget(night: Night) -> None:
    """Nothing is kept for ever; what is taken out leaves the files, too, and is tried again where it cannot yet."""
    settings = night.scope.settings
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
