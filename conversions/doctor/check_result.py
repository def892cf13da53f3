"""What was found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from conversions.errors import ConversionsError, Exit


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing stops."""
    PROBLEM = "problem"
    """A run would stop, or do something that the shop does not want."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at."""

    level: Level
    about: str
    """``key``, ``store``, ``source``, a destination's name …"""
    sentence: str
    next: str | None = None
    """What to do."""
    exit_code: Exit = Exit.OK


def ok(about: str, sentence: str) -> CheckResult:
    """As it should be."""
    return CheckResult(Level.OK, about, sentence)


def note(about: str, sentence: str, next_: str | None = None) -> CheckResult:
    """Worth knowing."""
    return CheckResult(Level.NOTE, about, sentence, next_)


def problem(about: str, sentence: str, next_: str | None = None, exit_code: Exit = Exit.CONFIG) -> CheckResult:
    """In the way."""
    return CheckResult(Level.PROBLEM, about, sentence, next_, exit_code)


def stopped(about: str, error: ConversionsError) -> CheckResult:
    """What would stop a run; the error's sentence names the next step."""
    return problem(about, str(error), exit_code=error.exit_code)
