"""A finding of the verification."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VerificationFinding:
    """Something in the store that differs from the log."""

    place: str
    """Such as ``entry 17``."""
    what: str
    """The rest of the sentence, after the place."""
    missing: bool = False
    """True where something is gone that should prove or explain what is there, and nothing says that it was altered."""

    def __str__(self) -> str:
        return f"{self.place} {self.what}"
