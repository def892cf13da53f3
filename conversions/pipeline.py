"""The product on one page: a window of orders, to every destination, once, accounted for.

    row → Order → Conversion, or the reason against → staged in the ledger → a request on disk → the wire → settled

``send`` is the whole walk; ``foresee`` goes as far as the barrier, on a store that nothing is written to.
"""

import gc
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from conversions import ages, clocks, guard, reconcile, restating, stopping
from conversions.conversion import Window
from conversions.crew import Crew
from conversions.delivery import Delivery
from conversions.errors import SourceUnavailable, SuspiciousSource, Usage
from conversions.house import House, open_house
from conversions.lane import Lane, open_lane
from conversions.ledger import (
    Clock,
    Ledger,
    accounts,
    corrections,
    days,
    judging,
    lost,
    objections,
    open_ledger,
    open_read_only,
    pins,
    policies,
    redaction,
    requests,
    retention,
    runs,
    staging,
)
from conversions.ledger.accounts import Account
from conversions.ledger.comparison import Renumbered, Revalued
from conversions.ledger.corrections import Corrections
from conversions.ledger.sightings import Sightings, open_sightings
from conversions.observe.progress import SILENT, Progress
from conversions.reading import Reading, as_rows, read
from conversions.report import DestinationSide, Report, SourceSide
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Wish:
    """What whoever starts a run asks for."""

    since: date | None = None
    """Days in the shop's zone, both included; absent: yesterday and the days before it."""
    until: date | None = None
    only: str | None = None
    """One destination's name."""
    reason: str | None = None
    wait: timedelta = timedelta()
    """How long to wait for another run to finish."""
    accept_large: int = 0
    """So many new orders at one destination are no mistake."""
    accepted: frozenset[type[Renumbered | Revalued]] = frozenset()
    """Other order numbers, other values of sent orders: no mistake either; ``reason`` says why."""
    restate: bool = False
    """Values that changed after sending are told to the platforms that can correct them."""


def send(settings: Settings, wish: Wish, clock: Clock, progress: Progress = SILENT) -> Report:
    """Send every conversion of the window to every destination, once, and account for each.

    Raises ConversionsError where the run cannot go on; what stops one destination is in the report.
    """
    house = open_house(settings, wish.only, clock)
    house.source.check()
    with (
        stopping.heard(),
        seldom_collected(),
        open_ledger(settings, clock, wait=wish.wait.total_seconds()) as ledger,
        Crew(house, wish.only, clock()) as crew,
    ):
        pins.check(ledger, house.pins)
        policies.check(ledger, house.policy)
        house.heed(objections.in_force(ledger) if settings.former_keys else {})
        window = _window(settings, wish, ledger)
        run = runs.begin(ledger, house.occasion("run", window, wish.reason))
        with runs.closing(ledger, run), stopping.heard():
            pins.record(ledger, house.pins)
            policies.record(ledger, house.policy)
            requests.recover(ledger)
            numbers = _meet(house, ledger)
            late = reconcile.ask(house, ledger, run)
            sightings = open_sightings(ledger, numbers)
            reading = _read(house, crew, window, ledger, run, sightings, progress)
            odd = guard.odd(ledger, settings.shop, window, house.names, numbers)
            guard.accept(ledger, run, odd, wish.accepted, wish.reason)
            thin = days.thin(ledger, window, _today(settings, ledger))
            _stage(house, ledger, run, reading, progress)
            days.remember(ledger, run.id, window, _today(settings, ledger))
            lost.set_aside(ledger, run, dict(zip(numbers, _counted_once(house), strict=True)))
            runs.staged(ledger, run, window, [] if reading.left_for_later else numbers)
            waiting = _guard(house, ledger, run, numbers, wish)
            if wish.restate:
                restating.stage(house, ledger, run, numbers)
            lanes = _lanes(house, ledger, run, numbers)
            for lane in lanes:
                lane.ending = late[lane.outbox.name].ending
            _ask_the_time(ledger, run, lanes, restate=wish.restate)
            with progress.track("sending", waiting) as advance:
                begin = partial(Delivery, ledger, run, ledger.clock() + settings.deadline, advance, crew.examine)
                second = restating.deliver(begin, ledger, run, lanes)
            report = _account(ledger, settings.zone, run, window, reading, sightings, lanes, second)
            report.news += guard.thin_days(thin)
            _forget(ledger, settings)
            for name, side in report.destinations.items():
                side.late = late[name]
        report.checkpoint = runs.finish(ledger, run, report.json(), waiting=report.waiting)
    return report


def foresee(settings: Settings, wish: Wish, clock: Clock, progress: Progress = SILENT) -> Report:
    """What ``send`` would do now: nothing leaves, nothing is written, no lock is taken.

    Raises what ``send`` would raise before its first claim.
    """
    house = open_house(settings, wish.only, clock)
    house.source.check()
    with seldom_collected(), open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger:
        pins.check(ledger, house.pins)
        policies.check(ledger, house.policy)
        house.heed(objections.in_force(ledger) if settings.former_keys else {})
        window = _window(settings, wish, ledger)
        sightings = open_sightings(ledger, judging.known_numbers(ledger, house.names))
        with progress.track("reading", None) as advance:
            reading = read(house.source, window, sightings, partial(map, house.disguise), lambda _: None, advance)
        numbers = judging.known_numbers(ledger, house.names)
        odd = guard.odd(ledger, settings.shop, window, house.names, numbers)
        thin = days.thin(ledger, window, _today(settings, ledger))
        doubtful = lost.doubt(ledger, _counted_once(house))
        foreseen, changed = [Account() for _ in house.views], [Corrections() for _ in house.views]
        for page in judging.judged(ledger, settings.shop):
            accounts.forecast(foreseen, page, int(clock().timestamp()), doubtful)
            restating.foresee(house, ledger, page, changed)
        stops, both = reconcile.stops(house, ledger), zip(house.names, foreseen, changed, strict=True)
        sides = {name: DestinationSide(account, stops.get(name), corrections=found) for name, account, found in both}
        for side, view in zip(sides.values(), house.views, strict=True):
            side.too_old_at = ages.first_too_old(side.account, view.rules)
            side.too_old = ages.too_old(side.account, view.rules)
        mistakes = guard.too_many(_most(house, [a.counts["pending"] for a in foreseen]), wish.accept_large)
        news = [*guard.bad_rows(reading), *guard.thin_days(thin)]
        return Report(
            None, window, _source_side(reading, sightings), sides, news, [*guard.refused(odd, wish.accepted), *mistakes]
        )


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the cyclic garbage collector look seldom: orders hold no cycles, and its looking costs a third of a run."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _window(settings: Settings, wish: Wish, ledger: Ledger) -> Window:
    """The days asked for; without dates yesterday, the days before it, and back to whatever still waits."""
    yesterday = _today(settings, ledger) - timedelta(days=1)
    if wish.since is None and wish.until is None:
        usual = Window(yesterday - timedelta(days=settings.lookback_days - 1), yesterday)
        return runs.reach_back(ledger, usual, [wish.only] if wish.only else list(settings.destinations))
    window = Window(wish.since or wish.until or yesterday, wish.until or max(yesterday, wish.since or yesterday))
    if window.until < window.since:
        raise Usage(f"--until {window.until} lies before --since {window.since}.")
    return window


def _today(settings: Settings, ledger: Ledger) -> date:
    """In the shop's zone."""
    return ledger.clock().astimezone(settings.zone).date()


def _counted_once(house: House) -> list[int]:
    """For each destination how long after a first attempt the platform counts an order once, in microseconds."""
    return [view.destination.limits.resend // timedelta(microseconds=1) for view in house.views]


def _meet(house: House, ledger: Ledger) -> list[int]:
    """The ledger's numbers of this run's destinations; those that it leaves out are remembered, to be caught up."""
    met = {name: staging.number_of(ledger, name) for name in house.settings.destinations}
    return [met[name] for name in house.names]


def _lanes(house: House, ledger: Ledger, run: runs.Run, numbers: list[int]) -> list[Lane]:
    return [
        open_lane(view.destination, section, number, view.gate.check, ledger, run.id)
        for view, section, number in zip(house.views, house.sections, numbers, strict=True)
    ]


def _ask_the_time(ledger: Ledger, run: runs.Run, lanes: list[Lane], *, restate: bool) -> None:
    """Nothing is sent by a clock that is days off: whoever is to get something is asked the time first."""
    busy = accounts.to_send(ledger, run.id)
    boxes = [lane.outbox for lane in lanes if restate or lane.outbox.destination in busy]
    clocks.check({box.name: box.url for box in boxes}, ledger.clock())


def _read(
    house: House, crew: Crew, window: Window, ledger: Ledger, run: runs.Run, sightings: Sightings, progress: Progress
) -> Reading:
    def reject(rows: object) -> None:
        accounts.reject_rows(ledger, run.id, as_rows(rows))  # type: ignore[arg-type]

    with progress.track("reading", None) as advance:
        reading = read(house.source, window, sightings, crew.disguised, reject, advance)
    if reading.left_for_later and not reading.rows:
        raise SourceUnavailable(
            f"Every file was still being written ({', '.join(reading.left_for_later)}). Nothing is lost: run again in "
            "a minute, or set source.settle_seconds."
        )
    return reading


def _stage(house: House, ledger: Ledger, run: runs.Run, reading: Reading, progress: Progress) -> None:
    """The barrier: everything is judged and staged before anything is claimed."""
    with progress.track("staging", reading.orders) as advance:
        for page in staging.stage(
            ledger, run.id, house.settings.shop, f"{house.pins['id scheme']} {house.pins['key']}"
        ):
            advance(page)


def _guard(house: House, ledger: Ledger, run: runs.Run, numbers: list[int], wish: Wish) -> int:
    """How many orders wait to be sent, if that is no mistake."""
    waiting = list(accounts.waiting(ledger, run.id, numbers).values())
    if mistakes := guard.too_many(_most(house, waiting), wish.accept_large):
        raise SuspiciousSource(" ".join(mistakes))
    return sum(waiting)


def _most(house: House, waiting: list[int]) -> dict[str, tuple[int, int | None]]:
    """By destination: how many orders wait, and its ``max_new``, from which rehearsals are exempt."""
    limits = [None if house.settings.rehearsal else section.max_new for section in house.sections]
    return dict(zip(house.names, zip(waiting, limits, strict=True), strict=True))


def _account(
    ledger: Ledger,
    zone: ZoneInfo,
    run: runs.Run,
    window: Window,
    reading: Reading,
    sightings: Sightings,
    lanes: list[Lane],
    second: list[Lane],
) -> Report:
    """Both sides of the balance: what was read, and what the ledger says after the last commit."""
    ledger.frugal()
    balance = accounts.balance(ledger, run.id, [(lane.outbox.name, lane.outbox.destination) for lane in lanes])
    news = accounts.news(ledger, run.id, {lane.outbox.destination: lane.outbox.resend_us for lane in lanes})
    bad = guard.bad_rows(reading, accounts.new_bad_rows(ledger, run.id))
    sides = {}
    for lane in lanes:
        name, number = lane.outbox.name, lane.outbox.destination
        endings = [one.ending for one in (lane, *second) if one.ending and one.outbox.destination == number]
        found = corrections.corrections(ledger, run.id, number, lane.destination.restated)
        side = sides[name] = DestinationSide(balance[name], next(iter(endings), None), news[number], found)
        side.seconds = lane.seconds
        side.first_night = lane.first_night
        if side.left and (first := accounts.first_too_old(ledger, run.id, number)):
            side.too_old_at = f"{first.astimezone(zone):%Y-%m-%d %H:%M}"
    return Report(run.id, window, _source_side(reading, sightings), sides, bad)


def _forget(ledger: Ledger, settings: Settings) -> None:
    """Nothing is kept for ever; what is taken out leaves the files, too, and is tried again where it cannot yet."""
    purged = retention.purge(ledger, retention.due(ledger, settings.zone, settings.privacy.retention_days))
    if purged.events or purged.orders:
        redaction.wipe(ledger)


def _source_side(reading: Reading, sightings: Sightings) -> SourceSide:
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
