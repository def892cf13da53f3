"""What whoever starts a run, or a plan, asks for."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from conversions.conversion import Window
from conversions.errors import Usage
from conversions.finding import Accepted
from conversions.ledger import Ledger, runs
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
    accepted: Accepted = field(default_factory=dict)
    """What is no mistake; ``reason`` says why."""
    restate: bool = False
    """Values that changed after sending are told to the platforms that can correct them."""

    @property
    def named(self) -> bool:
        """Whether a person named days."""
        return self.since is not None or self.until is not None

    def window(self, settings: Settings, ledger: Ledger) -> Window:
        """The days asked for; without dates yesterday, the days before it, and back to whatever still waits."""
        if self.named:
            return self.days(settings, ledger.clock())
        yesterday = today(settings, ledger.clock()) - timedelta(days=1)
        usual = Window(yesterday - timedelta(days=settings.lookback_days - 1), yesterday)
        return runs.reach_back(ledger, usual, [self.only] if self.only else list(settings.destinations))

    def days(self, settings: Settings, now: datetime) -> Window:
        """The days that a person named, less those that have not come yet: then up to yesterday.

        Raises Usage where they are the wrong way round, or all of them are still to come.
        """
        present = today(settings, now)
        yesterday = present - timedelta(days=1)
        since = self.since or self.until or yesterday
        until = self.until or max(yesterday, since)
        if until < since:
            raise Usage(f"--until {until} lies before --since {since}.")
        if since > present:
            days = f"The day {since} has" if since == until else f"The days {since} to {until} have"
            raise Usage(f"{days} not come yet: today is {present} in the shop's zone. Name days up to yesterday.")
        return Window(since, until if until <= present else max(yesterday, since))


def today(settings: Settings, now: datetime) -> date:
    """The day of *now*, aware, in the shop's zone."""
    return now.astimezone(settings.zone).date()
