"""The context of a run or a plan: what every step needs, and how a run begins."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from conversions.errors import SettingsError
from conversions.ledger import Clock, Ledger, open_read_only, outbox, runs, staging
from conversions.ledger.runs import Run, approval_history, approvals, bindings, bound_check
from conversions.ledger.runs.approvals import Pending, Proposal
from conversions.ledger.staging import evaluate
from conversions.model.conversion import Window
from conversions.model.late_result import LateResults
from conversions.model.run_request import RunRequest, today
from conversions.observe.progress import Progress
from conversions.run import clock_check, reconcile
from conversions.run.cart_rules import with_first_days
from conversions.run.runtime import Runtime
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run or a plan reads, and the destinations that it reads for."""

    runtime: Runtime
    ledger: Ledger
    request: RunRequest
    window: Window
    destination_ids: list[int]
    """The ids of the destinations in the store, in the order of the settings; 0 for a destination that is new."""
    progress: Progress

    @property
    def settings(self) -> Settings:
        """The settings of the shop."""
        return self.runtime.settings

    @property
    def today(self) -> date:
        """The present day in the shop's zone."""
        return today(self.settings.zone, self.ledger.clock())

    @property
    def destinations(self) -> dict[int, str]:
        """The names of the destinations by their ids in the store."""
        return dict(zip(self.destination_ids, self.runtime.names, strict=True))


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run that has begun."""

    scope: Scope
    run: Run
    proposal: Proposal
    """The policy and the rules of the run; a person has approved them, or they are those of the first run."""
    clock_verified: bool = False
    """Whether the run compared our clock with the platforms' clocks when it began."""

    @property
    def ledger(self) -> Ledger:
        """The store."""
        return self.scope.ledger


def open_scope(runtime: Runtime, ledger: Ledger, request: RunRequest, progress: Progress) -> Scope:
    """Check that the settings and the store belong together, and find the window; this writes nothing.

    Raises SettingsError where a binding differs from the store's, Usage where the dates are impossible.
    """
    bindings.check_bindings(ledger, runtime.bindings)
    window = _window(runtime.settings, request, ledger)
    runtime = with_first_days(runtime, ledger)
    return Scope(runtime, ledger, request, window, evaluate.destination_ids(ledger, runtime.names), progress)


def pending_approvals(runtime: Runtime, ledger: Ledger, proposal: Proposal) -> Pending:
    """Return what a person must approve before a run.

    Raises LedgerError where rows that decide what is sent differ from the log, and SettingsError, with all of it, where
    a binding differs.
    """
    bound_check.check(ledger)
    pending = approvals.pending(ledger, proposal)
    if differences := bindings.differences(ledger, runtime.bindings):
        raise SettingsError("\n".join([*differences, *([pending.sentence] if pending else [])]))
    return pending


def check_approvals(runtime: Runtime, clock: Clock, exclusions: str | None) -> None:
    """Raise SettingsError where a person must approve something first; this takes no lock and writes nothing.

    ``begin_run`` checks it again under the lock. *exclusions* describes the addresses that are left out.
    """
    settings = runtime.settings
    if not settings.store_path.exists():
        return  # the first run: it approves nothing, it records what it began with
    proposal = approvals.propose(settings, runtime.policy, exclusions)
    with open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger:
        if pending := pending_approvals(runtime, ledger, proposal):
            raise SettingsError(pending.sentence)


def begin_run(
    runtime: Runtime, ledger: Ledger, request: RunRequest, progress: Progress, exclusions: str | None
) -> RunContext:
    """Begin a run: from now on no earlier run can commit. *exclusions* describes the addresses that are left out.

    Raises what ``open_scope`` raises, and SettingsError where a person must approve something first, or where our
    clock is days off.
    """
    proposal = approvals.propose(runtime.settings, runtime.policy, exclusions)
    if pending := pending_approvals(runtime, ledger, proposal):
        raise SettingsError(pending.sentence)
    scope = open_scope(runtime, ledger, request, progress)
    clock_verified = clock_check.check_after_gap(runtime, ledger)
    run = runs.begin(ledger, runtime.run_metadata("run", scope.window, request.reason))
    # Of every destination in the settings: a later run sends the orders of those that this run leaves out.
    ids = {name: staging.destination_id(ledger, name) for name in runtime.settings.destinations}
    scope = replace(scope, destination_ids=[ids[name] for name in runtime.names])
    return RunContext(scope, run, proposal, clock_verified)


def recover_and_poll(context: RunContext) -> Mapping[str, LateResults]:
    """Settle the requests that an earlier run left open, and poll the platforms for late results, by destination."""
    runtime = context.scope.runtime
    bindings.record_bindings(context.ledger, runtime.bindings)
    approvals.record(context.ledger, context.proposal)
    outbox.recover(context.ledger)
    return reconcile.poll(runtime, context.ledger, context.run)


def unapproved(context: RunContext) -> list[str]:
    """Return ``policy`` and the names of the sending rules that no person has approved."""
    return approval_history.current(context.ledger, context.proposal.seal).unapproved


def dedup_windows_us(runtime: Runtime) -> list[int]:
    """Return for each destination the microseconds after a first attempt in which it counts an order only once."""
    return [rules.destination.limits.resend // timedelta(microseconds=1) for rules in runtime.destinations]


def _window(settings: Settings, request: RunRequest, ledger: Ledger) -> Window:
    """Return the days of the request, or without dates the last ``lookback_days``, back to the oldest open order."""
    if request.named:
        return request.days(settings.zone, ledger.clock())
    yesterday = today(settings.zone, ledger.clock()) - timedelta(days=1)
    usual = Window(yesterday - timedelta(days=settings.lookback_days - 1), yesterday)
    return runs.extend_window(ledger, usual, [request.only] if request.only else list(settings.destinations))
