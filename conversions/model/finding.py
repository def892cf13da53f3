"""Findings of the anomaly checks: those that stop a run, those that need a person, and plain notes.

Checks return findings as values. ``ledger.runs.findings`` removes the exit code of those that a person already knows or
has accepted, and the report shows all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from conversions.errors import Exit

Accepted = Mapping[str, frozenset[str]]
"""The values of ``run --accept`` by finding code; an empty text where the code takes no value."""


class FindingLevel(StrEnum):
    """What follows from a finding."""

    STOP = "stop"
    """The run sends nothing until a person accepts the finding, or corrects the cause."""
    ATTENTION = "attention"
    """The run goes on, and a person has to look at it."""
    NOTE = "note"
    """Information; it never has an exit code."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing in the data that looks wrong, or that the operator should know."""

    code: str
    """Its name in ``run --accept``, ``decide --finding`` and docs/findings.md."""
    level: FindingLevel
    sentence: str
    """For the operator: what happened, how often, and the next command. Without personal data."""
    count: int = 0
    """How many orders, rows or days are affected."""
    destination: str | None = None
    """None: the finding is about the source, and so about every destination."""
    about: str = ""
    """What distinguishes findings of one code and destination: a reason, a currency. Without personal data."""
    share: float | None = None
    """The affected share, 0 to 1, where a person can accept a share until it grows; None: ``count`` is used."""
    every_run: bool = False
    """Every run reports it again."""
    once: bool = False
    """Only one run reports it: not again after a week, nor when more is affected."""
    exit_code: Exit = Exit.OK
    accept: str | None = None
    """The value of ``run --accept`` that accepts it; None: a run cannot accept it."""

    @property
    def key(self) -> tuple[str, str, str]:
        """The identity of the finding."""
        return self.code, self.destination or "", self.about

    def silent(self) -> "Finding":
        """Return the same finding without an exit code."""
        return replace(self, exit_code=Exit.OK)

    def json(self) -> dict[str, Any]:
        """Return one entry of ``findings`` in ``run --json`` and ``plan --json``."""
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
    """Return a finding that stops the run with 65 until ``run --accept`` gets *accept*."""
    return Finding(code, FindingLevel.STOP, sentence, count, exit_code=Exit.DATA, accept=accept, **more)


def attention(code: str, sentence: str, *, count: int, **more: Any) -> Finding:
    """Return a finding that makes a run end with 1, unless a person already knows it."""
    return Finding(code, FindingLevel.ATTENTION, sentence, count, exit_code=Exit.ATTENTION, **more)


def note(code: str, sentence: str, *, count: int = 0, **more: Any) -> Finding:
    """Return a finding that is only information."""
    return Finding(code, FindingLevel.NOTE, sentence, count, **more)


def apply_accepted(findings: Iterable[Finding], accepted: Accepted) -> list[Finding]:
    """Return *findings*, without the exit code of those that would stop the run and that *accepted* accepts."""
    return [f.silent() if f.level is FindingLevel.STOP and _is_accepted(f, accepted) else f for f in findings]


def stops_run(findings: Iterable[Finding]) -> bool:
    """Return whether one of *findings* keeps every order from being sent."""
    return any(finding.level is FindingLevel.STOP and finding.exit_code for finding in findings)


def _is_accepted(finding: Finding, accepted: Accepted) -> bool:
    """Return whether *accepted* has the value of *finding*, or a number that is at least as large."""
    code, _, needed = (finding.accept or "").partition("=")
    values = accepted.get(code, frozenset()) if finding.accept else frozenset()
    return any(int(v) >= int(needed) if needed.isdigit() and v.isdigit() else v == needed for v in values)
