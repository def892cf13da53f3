"""One run or plan under way: what every step of it needs, and how it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from conversions.ledger import Ledger, outbox, runs, staging
from conversions.ledger.runs import Run, bindings, policies
from conversions.ledger.staging import evaluate
from conversions.model.conversion import Window
from conversions.model.late_result import Late
from conversions.model.run_request import Wish, today
from conversions.observe.progress import Progress
from conversions.run import clock_check, reconcile
from conversions.run.runtime import House
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run or a plan reads, and for which destinations."""

    house: House
    ledger: Ledger
    wish: Wish
    window: Window
    numbers: list[int]
    """The store's ids of the destinations, in the order of the settings; 0 for one that it does not know yet."""
    progress: Progress

    @property
    def settings(self) -> Settings:
        """The shop's."""
        return self.house.settings

    @property
    def today(self) -> date:
        """In the shop's zone."""
        return today(self.settings.zone, self.ledger.clock())

    @property
    def destinations(self) -> dict[int, str]:
        """Names by the store's id."""
        return dict(zip(self.numbers, self.house.names, strict=True))


@dataclass(frozen=True, slots=True)
class Night:
    """A run that has begun."""

    scope: Scope
    run: Run
    time_told: bool = False
    """Whether this machine's clock was compared with the platforms' before the run began."""

    @property
    def ledger(self) -> Ledger:
        """The store."""
        return self.scope.ledger


def open_scope(house: House, ledger: Ledger, wish: Wish, progress: Progress) -> Scope:
    """Check that settings and store belong together, and find the days; nothing is written.

    Raises SettingsError where a binding or the policy is another one, Usage where the dates make no sense.
    """
    bindings.check(ledger, house.pins)
    policies.check(ledger, house.policy)
    window = _window(house.settings, wish, ledger)
    return Scope(house, ledger, wish, window, evaluate.known_numbers(ledger, house.names), progress)


def begin(house: House, ledger: Ledger, wish: Wish, progress: Progress) -> Night:
    """Begin a run: from here on nothing of an earlier one can commit.

    Raises what ``open_scope`` raises, and SettingsError where this machine's clock is days off.
    """
    scope = open_scope(house, ledger, wish, progress)
    time_told = clock_check.ask_after_pause(house, ledger)
    run = runs.begin(ledger, house.occasion("run", scope.window, wish.reason))
    # Of every destination in the settings: one that is left out of this run is caught up by a later one.
    ids = {name: staging.number_of(ledger, name) for name in house.settings.destinations}
    return Night(replace(scope, numbers=[ids[name] for name in house.names]), run, time_told)


def catch_up(night: Night) -> Mapping[str, Late]:
    """Close what an earlier run left open, and ask the platforms about what it sent; by destination."""
    house = night.scope.house
    bindings.record(night.ledger, house.pins)
    policies.record(night.ledger, house.policy)
    outbox.recover(night.ledger)
    return reconcile.ask(house, night.ledger, night.run)


def counted_once(house: House) -> list[int]:
    """For each destination how long after a first attempt the platform counts an order once, in microseconds."""
    return [view.destination.limits.resend // timedelta(microseconds=1) for view in house.views]


def _window(settings: Settings, wish: Wish, ledger: Ledger) -> Window:
    """The days asked for; without dates yesterday, the days before it, and back to the oldest open order."""
    if wish.named:
        return wish.days(settings.zone, ledger.clock())
    yesterday = today(settings.zone, ledger.clock()) - timedelta(days=1)
    usual = Window(yesterday - timedelta(days=settings.lookback_days - 1), yesterday)
    return runs.reach_back(ledger, usual, [wish.only] if wish.only else list(settings.destinations))
