"""The product on one page: a window of orders, to every destination, once, accounted for.

    row → Order → Conversion, or the reason against → staged in the ledger → a request on disk → the wire → settled

``send`` is the whole walk; ``planning.foresee`` goes as far as the barrier, on a store that nothing is written to.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from conversions import clocks, finding, levels, restating, stopping
from conversions.accounting import account, account_stopped, forget, remember
from conversions.barrier import read, stage
from conversions.crew import Crew
from conversions.delivery import Delivery
from conversions.delivery.lane import Lane
from conversions.delivery.opening import open_lane
from conversions.destinations.base import Destination
from conversions.diagnosis import Late
from conversions.errors import Unauthorised
from conversions.house import open_house
from conversions.ledger import Clock, accounts, open_ledger, restatements, runs
from conversions.ledger.told import go_on
from conversions.night import Night, begin, catch_up
from conversions.observe.progress import SILENT, Progress
from conversions.patience import seldom_collected
from conversions.report import Report
from conversions.settings import Settings
from conversions.wish import Wish


def send(settings: Settings, wish: Wish, clock: Clock, progress: Progress = SILENT) -> Report:
    """Send every conversion of the window to every destination, once, and account for each.

    Raises ConversionsError where the run cannot go on; what stops one destination is in the report.
    """
    wish.days(settings, clock())
    house = open_house(settings, wish.only, clock)
    house.source.check()
    with (
        stopping.heard(),
        seldom_collected(),
        open_ledger(settings, clock, wait=wish.wait.total_seconds()) as ledger,
        Crew(house, wish.only, clock()) as crew,
    ):
        night = begin(house, ledger, wish, progress)
        with runs.closing(ledger, night.run), stopping.heard():
            late = catch_up(night)
            report = _send(night, crew, late)
            remember(night, report)
            forget(night)
        report.checkpoint = runs.finish(ledger, night.run, report.json(), waiting=report.waiting)
    return report


def _send(night: Night, crew: Crew, late: Mapping[str, Late]) -> Report:
    """The walk; a finding that nobody has accepted ends it before anything is staged, or before anything is claimed."""
    said = read(night, crew)
    if finding.stopping(said.findings):
        levels.hold(night.ledger, night.run, said.amounts)
        return account_stopped(night, said, late)
    said.findings.extend(stage(night, said))
    lanes = _lanes(night, late)
    if finding.stopping(said.findings):
        return replace(account(night, said, lanes, [], late), stopped=True)
    go_on(night.ledger, night.run, said.findings, night.wish.reason)
    for lane in lanes:
        lane.ending = lane.ending or _missing(lane.destination)
    second = _deliver(night, lanes, crew)
    return account(night, said, lanes, second, late)


def _lanes(night: Night, late: Mapping[str, Late]) -> list[Lane]:
    """One for each destination; nothing is sent where the platform has said meanwhile that it takes nothing."""
    lanes = [
        open_lane(view.destination, section, number, view.gate.check, night.ledger, night.run.id)
        for view, section, number in zip(night.house.views, night.house.sections, night.numbers, strict=True)
    ]
    for lane in lanes:
        lane.ending = late[lane.outbox.name].ending
    return lanes


def _missing(destination: Destination) -> Unauthorised | None:
    """A night with nothing to send tells of a missing credential, too: tomorrow there is something."""
    try:
        destination.authorise()
    except Unauthorised as error:
        return error
    return None


def _deliver(night: Night, lanes: list[Lane], crew: Crew) -> list[Lane]:
    """Send to every destination at once; returns the lanes of restated values, which come second."""
    ledger, run = night.ledger, night.run
    busy = accounts.to_send(ledger, run.id)
    _ask_the_time(night, [lane for lane in lanes if lane.outbox.destination in busy or _restates(night, lane)])
    with night.progress.track("sending", sum(busy.values())) as advance:
        deadline = ledger.clock() + night.house.settings.deadline
        return restating.deliver(partial(Delivery, ledger, run, deadline, advance, crew.examine), ledger, run, lanes)


def _restates(night: Night, lane: Lane) -> bool:
    return restatements.open_there(night.ledger, lane.outbox.destination)


def _ask_the_time(night: Night, lanes: list[Lane]) -> None:
    """Nothing is sent by a clock that is days off: whoever is to get something was asked the time, or is now."""
    if night.time_told:
        return
    clocks.check({lane.outbox.name: lane.outbox.url for lane in lanes}, night.ledger.clock())
