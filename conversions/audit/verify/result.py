"""The result of a verification, for people and for programs."""

from dataclasses import dataclass, field
from typing import Any

from conversions.audit.verify import scope
from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.outside import Outside
from conversions.errors import Exit


@dataclass(slots=True)
class VerificationResult:
    """What was verified, and the findings."""

    entries: int = 0
    events: int = 0
    erased: int = 0
    """Events without payload."""
    checkpoints: int = 0
    covered: int = 0
    """Entries that the newest checkpoint covers."""
    since: int = 0
    """Bytes of earlier entries were not read, because the caller trusts a checkpoint of this size."""
    findings: list[VerificationFinding] = field(default_factory=list)
    """At most MAX_FINDINGS."""
    notes: list[str] = field(default_factory=list)
    outside: Outside | None = None
    """The checkpoints from outside; None where none was given."""

    @property
    def intact(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    @property
    def exit_code(self) -> Exit:
        """STORE where anything was altered, ATTENTION where only proofs or explanations are missing."""
        if self.intact:
            return Exit.OK
        return Exit.ATTENTION if all(finding.missing for finding in self.findings) else Exit.STORE

    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        if self.intact:
            kept = f"{self.checkpoints} checkpoints, the newest over {self.covered} entries"
            return f"The log is intact: {self.entries} entries, {self.events} events, {kept}."
        more = f", and {len(self.findings) - 1} more" if len(self.findings) > 1 else ""
        if self.exit_code is Exit.ATTENTION:
            return f"What proves the log is not complete: {self.findings[0]}{more}."
        return f"The log is not what was logged: {self.findings[0]}{more}."

    def json(self) -> dict[str, Any]:
        """The result as JSON for programs."""
        return {
            "intact": self.intact,
            "sentence": self.sentence,
            "entries": self.entries,
            "events": self.events,
            "events_erased": self.erased,
            "checkpoints": self.checkpoints,
            "entries_under_checkpoint": self.covered,
            "since_entry": self.since,
            "findings": [{"place": finding.place, "what": finding.what} for finding in self.findings],
            "notes": self.notes,
            "outside": self.outside and self.outside.json(),
            "scope": scope.json(),
        }
