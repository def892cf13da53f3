"""What a check of the log has found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VerificationFinding:
    """Something that is not as it was logged."""

    place: str
    """Such as ``entry 17``."""
    what: str
    """The rest of the sentence that begins with the place."""

    def __str__(self) -> str:
        return f"{self.place} {self.what}"
