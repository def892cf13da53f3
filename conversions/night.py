"""One run under way: what every step of it needs, and how it begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from conversions import reconcile, timekeeping
from conversions.conversion import Window
from conversions.diagnosis import Late
from conversions.house import House
from conversions.ledger import Ledger, objections, pins, policies, requests, runs, staging
from conversions.ledger.runs import Run
from conversions.observe.progress import Progress
from conversions.wish import Wish, today


@dataclass(frozen=True, slots=True)
class Night:
    """A run that has begun."""

    house: House
    ledger: Ledger
    run: Run
    wish: Wish
    window: Window
    numbers: list[int]
    """The ledger's numbers of this run's destinations, in the house's order."""
    progress: Progress
    time_told: bool = False
    """Whether the platforms were asked the time before it began."""

    @property
    def today(self) -> date:
        """In the shop's zone."""
        return today(self.house.settings, self.ledger.clock())


def check(house: House, ledger: Ledger, wish: Wish) -> Window:
    """The window, where house and store belong together.

    Raises SettingsError where a pin or the policy is another one, Usage where the dates make no sense.
    """
    pins.check(ledger, house.pins)
    policies.check(ledger, house.policy)
    house.heed(objections.in_force(ledger) if house.settings.former_keys else {})
    return wish.window(house.settings, ledger)


def begin(house: House, ledger: Ledger, wish: Wish, progress: Progress) -> Night:
    """Begin a run: from here on nothing of an earlier one can commit.

    Raises what ``check`` raises, and SettingsError where this machine's clock is not to be believed.
    """
    window = check(house, ledger, wish)
    time_told = timekeeping.ask_after_pause(house, ledger)
    run = runs.begin(ledger, house.occasion("run", window, wish.reason))
    met = {
        name: staging.number_of(ledger, name) for name in house.settings.destinations
    }  # who is left out is caught up
    return Night(house, ledger, run, wish, window, [met[name] for name in house.names], progress, time_told)


def catch_up(night: Night) -> Mapping[str, Late]:
    """What an earlier run left open, and what the platforms say by now of what it sent, by destination."""
    pins.record(night.ledger, night.house.pins)
    policies.record(night.ledger, night.house.policy)
    requests.recover(night.ledger)
    return reconcile.ask(night.house, night.ledger, night.run)


def counted_once(house: House) -> list[int]:
    """For each destination how long after a first attempt the platform counts an order once, in microseconds."""
    return [view.destination.limits.resend // timedelta(microseconds=1) for view in house.views]
