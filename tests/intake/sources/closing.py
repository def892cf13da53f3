"""Closes the shops of a test with their source."""

import weakref

from conversions.intake.sources.base import Source
from conversions.sandbox import Sandbox

OPEN: list["weakref.finalize[..., Source]"] = []
"""What still has to be closed where a failed test holds a source."""


def close_with(source: Source, sandbox: Sandbox) -> None:
    """Close *sandbox* when nobody has *source* any more."""
    OPEN.append(weakref.finalize(source, sandbox.__exit__, None, None, None))
