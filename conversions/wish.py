"""What whoever starts a run, or a plan, asks for."""

from dataclasses import dataclass
from datetime import date, timedelta

from conversions.conversion import Window
from conversions.errors import Usage
from conversions.ledger import Ledger, runs
from conversions.ledger.comparison import Renumbered, Revalued
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be sent, and what is no mistake."""

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

    def window(self, settings: Settings, ledger: Ledger) -> Window:
        """The days asked for; without dates yesterday, the days before it, and back to whatever still waits.

        Raises Usage where they are the wrong way round.
        """
        yesterday = today(settings, ledger) - timedelta(days=1)
        if self.since is None and self.until is None:
            usual = Window(yesterday - timedelta(days=settings.lookback_days - 1), yesterday)
            return runs.reach_back(ledger, usual, [self.only] if self.only else list(settings.destinations))
        window = Window(self.since or self.until or yesterday, self.until or max(yesterday, self.since or yesterday))
        if window.until < window.since:
            raise Usage(f"--until {window.until} lies before --since {window.since}.")
        return window


def today(settings: Settings, ledger: Ledger) -> date:
    """In the shop's zone."""
    return ledger.clock().astimezone(settings.zone).date()
