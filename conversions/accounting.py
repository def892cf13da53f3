"""Both sides of the balance: what was read, and what the ledger says became of it, after the last commit."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from conversions import guard
from conversions.barrier import Said
from conversions.delivery.lane import Lane
from conversions.diagnosis import Late
from conversions.ledger import accounts, corrections, days, news, redaction, retention, told, waits
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
    bad = guard.bad_rows(said.reading, accounts.new_bad_rows(ledger, run.id))
    few = told.news(ledger, said.few)
    told.remember(ledger, run, few, [days.CODE])
    news_of_source = guard.moved(run) + bad + [one.sentence for one in few if one.exit_code]
    return Report(run.id, night.window, source_side(said.reading, said.sightings), sides, news_of_source)


def forget(night: Night) -> None:
    """Nothing is kept for ever; what is taken out leaves the files, too, and is tried again where it cannot yet."""
    settings = night.house.settings
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
