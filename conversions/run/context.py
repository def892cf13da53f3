"""One run or plan under way: what every step of it needs, and how it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from conversions.ledger import Ledger, outbox, runs, staging
from conversions.ledger.runs import Run, bindings, policies
from conversions.ledger.staging import evaluate
from conversions.model.conversion import Window
from conversions.model.late_result import LateResults
from conversions.model.run_request import RunRequest, today
from conversions.observe.progress import Progress
from conversions.run import clock_check, reconcile
from conversions.run.runtime import Runtime
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run or a plan reads, and for which destinations."""

    runtime: Runtime
    ledger: Ledger
    request: RunRequest
    window: Window
    destination_ids: list[int]
    """The store's ids of the destinations, in the order of the settings; 0 for one that it does not know yet."""
    progress: Progress

    @property
    def settings(self) -> Settings:
        """The shop's."""
        return self.runtime.settings

    @property
    def today(self) -> date:
        """In the shop's zone."""
        return today(self.settings.zone, self.ledger.clock())

    @property
    def destinations(self) -> dict[int, str]:
        """Names by the store's id."""
        return dict(zip(self.destination_ids, self.runtime.names, strict=True))


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run that has begun."""

    scope: Scope
    run: Run
    clock_verified: bool = False
    """Whether this machine's clock was compared with the platforms' before the run began."""

    @property
    def ledger(self) -> Ledger:
        """The store."""
        return self.scope.ledger


def open_scope(runtime: Runtime, ledger: Ledger, request: RunRequest, progress: Progress) -> Scope:
    """Check that settings and store belong together, and find the days; nothing is written.

    Raises SettingsError where a binding or the policy is another one, Usage where the dates make no sense.
    """
    bindings.check(ledger, runtime.bindings)
    policies.check(ledger, runtime.policy)
    window = _window(runtime.settings, request, ledger)
    return Scope(runtime, ledger, request, window, evaluate.destination_ids(ledger, runtime.names), progress)


def begin(runtime: Runtime, ledger: Ledger, request: RunRequest, progress: Progress) -> RunContext:
    """Begin a run: from here on nothing of an earlier one can commit.

    Raises what ``open_scope`` raises, and SettingsError where this machine's clock is days off.
    """
    scope = open_scope(runtime, ledger, request, progress)
    clock_verified = clock_check.check_after_gap(runtime, ledger)
    run = runs.begin(ledger, runtime.run_metadata("run", scope.window, request.reason))
    # Of every destination in the settings: one that is left out of this run is caught up by a later one.
    ids = {name: staging.destination_id(ledger, name) for name in runtime.settings.destinations}
    return RunContext(replace(scope, destination_ids=[ids[name] for name in runtime.names]), run, clock_verified)


def recover_and_poll(context: RunContext) -> Mapping[str, LateResults]:
    """Close what an earlier run left open, and ask the platforms about what it sent; by destination."""
    runtime = context.scope.runtime
    bindings.record(context.ledger, runtime.bindings)
    policies.record(context.ledger, runtime.policy)
    outbox.recover(context.ledger)
    return reconcile.ask(runtime, context.ledger, context.run)


def dedup_windows_us(runtime: Runtime) -> list[int]:
    """For each destination how long after a first attempt the platform counts an order once, in microseconds."""
    return [view.destination.limits.resend // timedelta(microseconds=1) for view in runtime.destinations]


def _window(settings: Settings, request: RunRequest, ledger: Ledger) -> Window:
    """The days asked for; without dates yesterday, the days before it, and back to the oldest open order."""
    if request.named:
        return request.days(settings.zone, ledger.clock())
    yesterday = today(settings.zone, ledger.clock()) - timedelta(days=1)
    usual = Window(yesterday - timedelta(days=settings.lookback_days - 1), yesterday)
    return runs.extend_window(ledger, usual, [request.only] if request.only else list(settings.destinations))
