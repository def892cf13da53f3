"""The product on one page: a window of orders, to every destination, once, accounted for.

    row → Order → Conversion, or the reason against → staged in the ledger → a request on disk → the wire → settled

``send`` is the whole walk; ``planning.foresee`` goes as far as the barrier, on a store that nothing is written to.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from conversions.anomalies import amounts
from conversions.delivery import Delivery
from conversions.delivery.open_queue import open_lane
from conversions.delivery.queue import Lane
from conversions.destinations.base import Destination
from conversions.errors import Unauthorised
from conversions.intake.setup import Intake, open_intake
from conversions.ledger import Clock, open_ledger, runs
from conversions.ledger.queries import totals
from conversions.ledger.restatements import open_there
from conversions.ledger.runs.findings import go_on
from conversions.model import finding
from conversions.model.late_result import Late
from conversions.model.run_request import Wish
from conversions.observe.progress import SILENT, Progress
from conversions.process import signals
from conversions.process.gc_tuning import seldom_collected
from conversions.run import restatements
from conversions.run.balance import account, account_stopped, forget, remember
from conversions.run.context import Night, begin, catch_up
from conversions.run.report import Report
from conversions.run.runtime import open_house
from conversions.run.staging import read_for_run, stage
from conversions.run.workers import Crew
from conversions.settings import Settings
from conversions.transport import clock_skew


def send(settings: Settings, wish: Wish, clock: Clock, progress: Progress = SILENT) -> Report:
    """Send every conversion of the window to every destination, once, and account for each.

    Raises ConversionsError where the run cannot go on; what stops one destination is in the report.
    """
    wish.days(settings.zone, clock())
    house = open_house(settings, wish.only)
    intake = open_intake(settings, house.rules, clock)
    intake.source.check()
    with (
        signals.heard(),
        seldom_collected(),
        open_ledger(settings, clock, wait=wish.wait.total_seconds()) as ledger,
        Crew(house, intake, wish.only, clock()) as crew,
    ):
        night = begin(house, ledger, wish, progress)
        with runs.closing(ledger, night.run), signals.heard():
            late = catch_up(night)
            report = _send(night, intake, crew, late)
            remember(night, report)
            forget(night)
        report.checkpoint = runs.finish(ledger, night.run, report.json(), waiting=report.waiting)
    return report


def _send(night: Night, intake: Intake, crew: Crew, late: Mapping[str, Late]) -> Report:
    """The walk; a finding that nobody has accepted ends it before anything is staged, or before anything is claimed."""
    said = read_for_run(night, intake, crew)
    if finding.stopping(said.findings):
        amounts.hold(night.ledger, night.run, said.amounts)
        return account_stopped(night, said, late)
    said.findings.extend(stage(night, said))
    lanes = _lanes(night, late)
    if finding.stopping(said.findings):
        return replace(account(night, said, lanes, [], late), stopped=True)
    go_on(night.ledger, night.run, said.findings, night.scope.wish.reason)
    for lane in lanes:
        lane.ending = lane.ending or _missing(lane.destination)
    second = _deliver(night, lanes, crew)
    return account(night, said, lanes, second, late)


def _lanes(night: Night, late: Mapping[str, Late]) -> list[Lane]:
    """One for each destination; nothing is sent where the platform has said meanwhile that it takes nothing."""
    lanes = [
        open_lane(view.destination, view.section, number, view.gate.check, night.ledger, night.run.id)
        for view, number in zip(night.scope.house.views, night.scope.numbers, strict=True)
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
    busy = totals.to_send(ledger, run.id)
    _ask_the_time(night, [lane for lane in lanes if lane.outbox.destination in busy or _restates(night, lane)])
    with night.scope.progress.track("sending", sum(busy.values())) as advance:
        deadline = ledger.clock() + night.scope.settings.deadline
        return restatements.deliver(partial(Delivery, ledger, run, deadline, advance, crew.examine), ledger, run, lanes)


def _restates(night: Night, lane: Lane) -> bool:
    return open_there(night.ledger, lane.outbox.destination)


def _ask_the_time(night: Night, lanes: list[Lane]) -> None:
    """Nothing is sent by a clock that is days off: whoever is to get something was asked the time, or is now."""
    if night.time_told:
        return
    clock_skew.check({lane.outbox.name: lane.outbox.url for lane in lanes}, night.ledger.clock())
