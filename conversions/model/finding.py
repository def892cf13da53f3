"""What a guard found in a night: one grammar for what stops it, what a person looks at, and what is only worth knowing.

A finding is a value. Guards return them, ``ledger.told`` takes the exit code from those that a person knows already or
has accepted, and the report shows them all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from conversions.errors import Exit

Accepted = Mapping[str, frozenset[str]]
"""By a finding's code what ``run --accept`` was given for it; an empty text where the code takes no value."""


class Level(StrEnum):
    """What follows."""

    STOP = "stop"
    """Nothing is sent until a person accepts it, or mends what is wrong."""
    ATTENTION = "attention"
    """The run goes on; a person looks at it."""
    NOTE = "note"
    """Worth knowing; it never has an exit code."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that looks wrong, or is worth knowing."""

    code: str
    """Its name in ``run --accept``, ``decide --finding`` and docs/findings.md."""
    level: Level
    sentence: str
    """For a person: what, how much, and the next command. Without personal data."""
    count: int = 0
    """How many orders, rows or days it is about."""
    destination: str | None = None
    """None: it concerns the source, and so every destination."""
    about: str = ""
    """What tells two findings of one code and destination apart: a reason, a currency. Without personal data."""
    share: float | None = None
    """How bad it is, from 0 to 1, where a person may accept a share until it worsens; None: ``count`` says it."""
    every_run: bool = False
    """Told every night, however often it was told."""
    once: bool = False
    """Told once, and not again weekly, nor when more are affected."""
    exit_code: Exit = Exit.OK
    accept: str | None = None
    """What ``run --accept`` takes to go on all the same; None: it cannot be accepted so."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return self.code, self.destination or "", self.about

    def silent(self) -> "Finding":
        """The same, when nobody is to be called for it."""
        return replace(self, exit_code=Exit.OK)

    def json(self) -> dict[str, Any]:
        """One of ``findings`` in ``run --json`` and ``plan --json``."""
        return {
            "code": self.code,
            "level": str(self.level),
            "destination": self.destination,
            "count": self.count,
            "exit_code": int(self.exit_code),
            "accept": self.accept,
            "sentence": self.sentence,
        }


def stop(code: str, sentence: str, *, count: int, accept: str | None, **more: Any) -> Finding:
    """What stops the night with 65 until it is accepted: *accept* is what ``run --accept`` takes."""
    return Finding(code, Level.STOP, sentence, count, exit_code=Exit.DATA, accept=accept, **more)


def attention(code: str, sentence: str, *, count: int, **more: Any) -> Finding:
    """What ends the night with 1 where nobody knows it yet."""
    return Finding(code, Level.ATTENTION, sentence, count, exit_code=Exit.ATTENTION, **more)


def note(code: str, sentence: str, *, count: int = 0, **more: Any) -> Finding:
    """What is only worth knowing."""
    return Finding(code, Level.NOTE, sentence, count, **more)


def answered(findings: Iterable[Finding], accepted: Accepted) -> list[Finding]:
    """*findings*, those silent that would stop the night and are accepted: *accepted* is what was given."""
    return [one.silent() if one.level is Level.STOP and _accepted(one, accepted) else one for one in findings]


def stopping(findings: Iterable[Finding]) -> bool:
    """Whether one of them keeps everything from being sent."""
    return any(one.level is Level.STOP and one.exit_code for one in findings)


def _accepted(one: Finding, accepted: Accepted) -> bool:
    """By its code alone where it takes no value; a number covers as many or fewer, a word is that word."""
    code, _, wanted = (one.accept or "").partition("=")
    given = accepted.get(code, frozenset()) if one.accept else frozenset()
    return any(int(each) >= int(wanted) if wanted.isdigit() and each.isdigit() else each == wanted for each in given)
