"""Late verdicts: ask what became of the requests that were received, before more is sent.

What cannot be learned now is asked for by the next run; only an account that takes nothing, or credentials that are
refused, stop a destination.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from conversions.destinations.base import ReportsStatus
from conversions.errors import Exit, Refused, Unauthorised, worst
from conversions.ledger import Clock, Ledger, open_ledger, outbox, runs
from conversions.ledger.late_results import account_refusals, apply
from conversions.ledger.late_results.apply import PendingStatus
from conversions.ledger.runs import Run, bindings
from conversions.ledger.staging import evaluate
from conversions.model.conversion import Window
from conversions.model.late_result import Diagnosis, LateResults, RequestStatus, of_consent
from conversions.run import clock_check, quality_scores
from conversions.run.runtime import Runtime, build_runtime
from conversions.settings import Settings

READS_PER_MINUTE = 300
"""Google's quota of questions, apart from the one of uploads."""

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What ``conversions reconcile`` tells."""

    run_id: int
    destinations: Mapping[str, LateResults]

    @property
    def exit_code(self) -> Exit:
        """The first that applies wins."""
        return worst([late.exit_code for late in self.destinations.values()])

    def json(self) -> dict[str, Any]:
        """The document."""
        sides = {name: late.json() for name, late in self.destinations.items()}
        return {"run_id": self.run_id, "destinations": sides, "exit_code": int(self.exit_code)}


def reconcile(settings: Settings, only: str | None, clock: Clock) -> Reconciled:
    """Ask about every request that is due, and send nothing.

    Raises ConversionsError where the store or the settings do not allow it.
    """
    runtime = build_runtime(settings, only)
    with open_ledger(settings, clock) as ledger:
        bindings.check(ledger, runtime.bindings)
        today = clock().astimezone(settings.zone).date()
        clock_check.check_after_gap(runtime, ledger)
        run = runs.begin(ledger, runtime.run_metadata("reconcile", Window(today, today), None))
        with runs.closed_on_error(ledger, run):
            outbox.recover(ledger)
            told = Reconciled(run.id, ask(runtime, ledger, run))
        runs.finish(ledger, run, told.json(), waiting=0)
    return told


def ask(runtime: Runtime, ledger: Ledger, run: Run, sleep: Sleep = time.sleep) -> dict[str, LateResults]:
    """What the platforms of *house* say of the requests that are due, by destination."""
    found = {name: LateResults() for name in runtime.names}
    numbers = evaluate.destination_ids(ledger, runtime.names)
    for view, number in zip(runtime.destinations, numbers, strict=True):
        if isinstance(view.destination, ReportsStatus):
            pause = partial(sleep, 60 / READS_PER_MINUTE if view.settings.requests_per_minute else 0)
            found[view.destination.name] = _ask(view.destination, number, ledger, run, pause)
    quality_scores.ask(runtime, ledger, run, numbers)
    for name, ending in _stops(runtime, ledger, numbers).items():
        found[name].ending = found[name].ending or ending
    return found


def stops(runtime: Runtime, ledger: Ledger) -> dict[str, Refused]:
    """The destinations whose account takes nothing until a person mends it and decides."""
    return _stops(runtime, ledger, evaluate.destination_ids(ledger, runtime.names))


def _stops(runtime: Runtime, ledger: Ledger, numbers: Sequence[int]) -> dict[str, Refused]:
    held, destinations = apply.stopped_destinations(ledger), [view.destination for view in runtime.destinations]
    known = [(one, held[number]) for one, number in zip(destinations, numbers, strict=True) if number in held]
    return {one.name: _stop(one, *why) for one, why in known if isinstance(one, ReportsStatus)}


def _ask(destination: ReportsStatus, number: int, ledger: Ledger, run: Run, pause: Callable[[], object]) -> LateResults:
    late = LateResults()
    try:
        _ask_each(destination, number, ledger, run, pause, late)
    except Unauthorised as error:
        late.ending = error
    account_refusals.find_account_refusals(ledger, run, number)
    late.open = apply.count_open(ledger, number)
    return late


def _ask_each(
    destination: ReportsStatus, number: int, ledger: Ledger, run: Run, pause: Callable[[], object], late: LateResults
) -> None:
    """One question after the other, until one is not answered."""
    asked = apply.due(ledger, number)
    if asked:
        apply.begin(ledger, run, destination.name, asked)
    for one in asked:
        diagnosis = _diagnosis(destination, one)
        late.add(apply.finish(ledger, run, number, one, diagnosis))
        if diagnosis.status in {RequestStatus.NO_ANSWER, RequestStatus.PERMISSION_DENIED}:
            late.denied = diagnosis.status is RequestStatus.PERMISSION_DENIED
            late.trouble = (_denied if late.denied else _unanswered)(destination, diagnosis.code)
            return
        pause()


def _diagnosis(destination: ReportsStatus, asked: PendingStatus) -> Diagnosis:
    """What the platform says; not asked any more where it cannot know."""
    if asked.age >= apply.STATUS_RETENTION:
        return Diagnosis(RequestStatus.TOO_OLD)
    return destination.diagnose(asked.reference, asked.events)


def _unanswered(destination: ReportsStatus, code: str) -> str:
    return (
        f"{destination.name} did not say what became of earlier requests ({code}); nothing is lost by it, and the next "
        "run asks again."
    )


def _denied(destination: ReportsStatus, code: str) -> str:
    """Whoever may upload and not ask goes on sending, and never learns what the account lacks."""
    return (
        f"{destination.name}: these credentials may not ask what became of earlier requests ({code}); orders are sent "
        f"all the same. Do this: {destination.fix(code.rpartition('/')[2])}, then `conversions reconcile`."
    )


def _stop(destination: ReportsStatus, reason: str, orders: int) -> Refused:
    name = destination.name
    if of_consent(reason):
        return Refused(
            f"{name} refused most of the latest orders for want of their buyers' consent ({reason}, {orders} orders): "
            f"nothing more is sent there. Do this: {destination.fix(reason)}, then `conversions decide acknowledge "
            f"--all --destination {name}`. Of these orders those go again whose buyer's grant the source records."
        )
    return Refused(
        f"{name} did not take {orders} orders, or most of them, for a reason that is the account's ({reason}): "
        f"{destination.fix(reason)}, then `conversions decide send --all --destination {name}`."
    )
