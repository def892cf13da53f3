"""Late results: ask the platforms what became of the requests that they received, before a run sends more.

The next run asks again about every request without a result. Only an account that accepts nothing, or refused
credentials, stop a destination.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from conversions.destinations.base import ReportsStatus, title
from conversions.errors import Exit, Refused, Unauthorised, worst
from conversions.ledger import Clock, Ledger, open_ledger, outbox, runs
from conversions.ledger.late_results import account_refusals, apply
from conversions.ledger.late_results.apply import PendingStatus
from conversions.ledger.runs import Run, approvals, bindings, bound_check
from conversions.ledger.staging import evaluate
from conversions.model.conversion import Window
from conversions.model.late_result import Diagnosis, LateResults, RequestStatus, of_consent
from conversions.run import clock_check, quality_scores
from conversions.run.runtime import Runtime, build_runtime
from conversions.settings import Settings
from conversions.transport import unreachable

READS_PER_MINUTE = 300
"""Google's quota for status requests; uploads have a quota of their own."""

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result of ``conversions reconcile``."""

    run_id: int
    destinations: Mapping[str, LateResults]

    @property
    def exit_code(self) -> Exit:
        """The exit code by ``errors.PRECEDENCE``."""
        return worst([late.exit_code for late in self.destinations.values()])

    def json(self) -> dict[str, Any]:
        """Return the document of ``reconcile --json``."""
        sides = {name: late.json() for name, late in self.destinations.items()}
        return {"run_id": self.run_id, "destinations": sides, "exit_code": int(self.exit_code)}


def reconcile(settings: Settings, only: str | None, clock: Clock) -> Reconciled:
    """Ask about every request that is due, and send no events.

    Raises ConversionsError where the store or the settings do not allow a run.
    """
    runtime = build_runtime(settings, only)
    with open_ledger(settings, clock) as ledger:
        bindings.check_bindings(ledger, runtime.bindings)
        bound_check.check(ledger)
        approvals.check_route(ledger, settings)
        today = clock().astimezone(settings.zone).date()
        clock_check.check_after_gap(runtime, ledger)
        run = runs.begin(ledger, runtime.run_metadata("reconcile", Window(today, today), None))
        with runs.closed_on_error(ledger, run):
            outbox.recover(ledger)
            reconciled = Reconciled(run.id, poll(runtime, ledger, run))
        runs.finish(ledger, run, reconciled.json(), waiting=0)
    return reconciled


def poll(runtime: Runtime, ledger: Ledger, run: Run, sleep: Sleep = time.sleep) -> dict[str, LateResults]:
    """Ask the platforms about the requests that are due; return the late results by destination."""
    late_results = {name: LateResults() for name in runtime.names}
    destination_ids = evaluate.destination_ids(ledger, runtime.names)
    for rules, destination_id in zip(runtime.destinations, destination_ids, strict=True):
        if isinstance(rules.destination, ReportsStatus):
            pause = partial(sleep, 60 / READS_PER_MINUTE if rules.settings.requests_per_minute else 0)
            late_results[rules.name] = _Poll(rules.destination, destination_id, ledger, run, pause).late_results()
    quality_scores.poll(runtime, ledger, run, destination_ids)
    for name, stop_reason in _account_stops(runtime, ledger, destination_ids).items():
        late_results[name].stop_reason = late_results[name].stop_reason or stop_reason
    return late_results


def account_stops(runtime: Runtime, ledger: Ledger) -> dict[str, Refused]:
    """Return the destinations with an account that accepts nothing until a person corrects it and decides."""
    return _account_stops(runtime, ledger, evaluate.destination_ids(ledger, runtime.names))


def _account_stops(runtime: Runtime, ledger: Ledger, destination_ids: Sequence[int]) -> dict[str, Refused]:
    stopped = apply.stopped_destinations(ledger)
    destinations = zip([rules.destination for rules in runtime.destinations], destination_ids, strict=True)
    return {
        destination.name: _stop_reason(destination, *stopped[destination_id])
        for destination, destination_id in destinations
        if destination_id in stopped and isinstance(destination, ReportsStatus)
    }


@dataclass(frozen=True, slots=True)
class _Poll:
    """The status requests of one run to one destination."""

    destination: ReportsStatus
    destination_id: int
    ledger: Ledger
    run: Run
    pause: Callable[[], object]

    def late_results(self) -> LateResults:
        late = LateResults()
        try:
            self._ask_until_unanswered(late)
        except Unauthorised as error:
            late.stop_reason = error
        account_refusals.find_account_refusals(self.ledger, self.run, self.destination_id)
        late.open = apply.count_open(self.ledger, self.destination_id)
        late.next_poll = apply.next_poll(self.ledger, self.destination_id)
        return late

    def _ask_until_unanswered(self, late: LateResults) -> None:
        """Ask about one request after the other, and stop when the platform does not answer."""
        due = apply.due(self.ledger, self.destination_id)
        if due:
            apply.begin_poll(self.ledger, self.run, self.destination.name, due)
        for pending in due:
            diagnosis = self._diagnosis(pending)
            late.add(apply.finish_poll(self.ledger, self.run, self.destination_id, pending, diagnosis))
            if diagnosis.status in {RequestStatus.NO_ANSWER, RequestStatus.PERMISSION_DENIED}:
                late.denied = diagnosis.status is RequestStatus.PERMISSION_DENIED
                late.trouble = (_denied if late.denied else _unanswered)(self.destination, diagnosis)
                return
            self.pause()

    def _diagnosis(self, pending: PendingStatus) -> Diagnosis:
        """Ask the platform, unless the request is older than the platform remembers."""
        if pending.age >= apply.STATUS_RETENTION:
            return Diagnosis(RequestStatus.TOO_OLD)
        return self.destination.diagnose(pending.reference, pending.events)


def _unanswered(destination: ReportsStatus, diagnosis: Diagnosis) -> str:
    if diagnosis.not_sent:
        called = title(destination.name, destination.kind)
        return f"{unreachable.sentence(called, diagnosis.not_sent)} Nothing is lost, and the next run asks again."
    return (
        f"{destination.name} did not say what became of earlier requests ({diagnosis.code}). Nothing is lost, and the "
        "next run asks again."
    )


def _denied(destination: ReportsStatus, diagnosis: Diagnosis) -> str:
    """Without this message a run with credentials that may only upload never learns what the account lacks."""
    code = diagnosis.code
    return (
        f"{destination.name}: these credentials may not ask what became of earlier requests ({code}). The run still "
        f"sends orders. Do this: {destination.fix(code.rpartition('/')[2])}, then `conversions reconcile`."
    )


def _stop_reason(destination: ReportsStatus, reason: str, orders: int) -> Refused:
    name = destination.name
    if of_consent(reason):
        return Refused(
            f"{name} refused most of the latest orders because their buyers' consent is missing ({reason}, {orders} "
            f"orders): the run sends nothing more there. Do this: {destination.fix(reason)}, then `conversions decide "
            f"acknowledge --all --destination {name}`. The next run sends again only those of the orders that have a "
            "consent in the source."
        )
    return Refused(
        f"{name} did not take {orders} orders, or most of them, because of the account ({reason}): "
        f"{destination.fix(reason)}, then `conversions decide send --all --destination {name}`."
    )
