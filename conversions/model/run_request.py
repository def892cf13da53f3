"""Options of one run or plan."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from conversions.errors import Usage
from conversions.model.conversion import Window
from conversions.model.finding import Accepted


@dataclass(frozen=True, slots=True)
class RunRequest:
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
    """Whether changed values are sent to the platforms that can correct them."""

    @property
    def named(self) -> bool:
        """Whether a person named days."""
        return self.since is not None or self.until is not None

    def days(self, zone: ZoneInfo, now: datetime) -> Window:
        """The days that a person named, without those still to come: then up to yesterday.

        Raises Usage where they are in the wrong order, or all of them are still to come.
        """
        present = today(zone, now)
        yesterday = present - timedelta(days=1)
        since = self.since or self.until or yesterday
        until = self.until or max(yesterday, since)
        if until < since:
            raise Usage(f"--until {until} lies before --since {since}.")
        if since > present:
            days = f"The day {since} has" if since == until else f"The days {since} to {until} have"
            raise Usage(f"{days} not come yet: today is {present} in the shop's zone. Name days up to yesterday.")
        return Window(since, until if until <= present else max(yesterday, since))


def today(zone: ZoneInfo, now: datetime) -> date:
    """The day of *now*, aware, in the shop's zone."""
    return now.astimezone(zone).date()
