"""The result of one check, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from conversions.errors import ConversionsError, Exit


class CheckLevel(StrEnum):
    """Severity of a result."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; it stops no run."""
    PROBLEM = "problem"
    """A run would stop, or do something that the shop does not want."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check."""

    level: CheckLevel
    about: str
    """``key``, ``store``, ``source``, a destination's name …"""
    sentence: str
    next: str | None = None
    """What to do next."""
    exit_code: Exit = Exit.OK


def ok(about: str, sentence: str) -> CheckResult:
    """Everything is as it should be."""
    return CheckResult(CheckLevel.OK, about, sentence)


def note(about: str, sentence: str, next_: str | None = None) -> CheckResult:
    """Something is worth knowing."""
    return CheckResult(CheckLevel.NOTE, about, sentence, next_)


def problem(about: str, sentence: str, next_: str | None = None, exit_code: Exit = Exit.CONFIG) -> CheckResult:
    """Something would stop or spoil a run."""
    return CheckResult(CheckLevel.PROBLEM, about, sentence, next_, exit_code)


def stopped(about: str, error: ConversionsError) -> CheckResult:
    """An error would stop a run; its sentence already names the next step."""
    return problem(about, str(error), exit_code=error.exit_code)
