"""Options of one run or plan."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from conversions.errors import Usage
from conversions.model.conversion import Window
from conversions.model.finding import Accepted


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Which orders a run sends, and which findings it accepts."""

    since: date | None = None
    """The first and last (``until``) day, in the shop's zone; without both, yesterday and the days before it."""
    until: date | None = None
    only: str | None = None
    """The name of the only destination; None: all destinations."""
    reason: str | None = None
    wait: timedelta = timedelta()
    """How long to wait for another run to finish."""
    accepted: Accepted = field(default_factory=dict)
    """The findings that the operator accepts; ``reason`` says why."""
    restate: bool = False
    """Whether the run sends changed values to the platforms that accept adjustments."""

    @property
    def named(self) -> bool:
        """Whether the operator named days."""
        return self.since is not None or self.until is not None

    def days(self, zone: ZoneInfo, now: datetime) -> Window:
        """Return the days that the operator named; days in the future are cut off, up to yesterday.

        Raises Usage where the days are in the wrong order, or all of them are in the future.
        """
        present = today(zone, now)
        yesterday = present - timedelta(days=1)
        since = self.since or self.until or yesterday
        until = self.until or max(yesterday, since)
        if until < since:
            raise Usage(f"--until ({in_words(until)}) lies before --since ({in_words(since)}).")
        if since > present:
            raise Usage(not_come(since, until, present))
        return Window(since, until if until <= present else max(yesterday, since))


def in_words(day: date) -> str:
    """Return *day* with its month in words, so that the month is not taken for the day."""
    return f"{day.day} {day:%B %Y}"


def not_come(since: date, until: date, present: date) -> str:
    """Return the message for days that all lie in the future."""
    days = f"{in_words(since)} has" if since == until else f"{in_words(since)} to {in_words(until)} have"
    return f"{days} not come yet: today is {present} in the shop's zone. Name days up to yesterday."


def today(zone: ZoneInfo, now: datetime) -> date:
    """Return the day of *now* (aware) in the shop's zone."""
    return now.astimezone(zone).date()
