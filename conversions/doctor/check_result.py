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
class Finding:
    """One thing that was looked at."""

    level: Level
    about: str
    """``key``, ``store``, ``source``, a destination's name …"""
    sentence: str
    next: str | None = None
    """What to do."""
    exit_code: Exit = Exit.OK


def fine(about: str, sentence: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, about, sentence)


def note(about: str, sentence: str, next_: str | None = None) -> Finding:
    """Worth knowing."""
    return Finding(Level.NOTE, about, sentence, next_)


def problem(about: str, sentence: str, next_: str | None = None, exit_code: Exit = Exit.CONFIG) -> Finding:
    """In the way."""
    return Finding(Level.PROBLEM, about, sentence, next_, exit_code)


def stopped(about: str, error: ConversionsError) -> Finding:
    """What would stop a run; the error's sentence names the next step."""
    return problem(about, str(error), exit_code=error.exit_code)
