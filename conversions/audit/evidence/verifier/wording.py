"""How instants and texts from a bundle are written, so that none of them can control a terminal."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any


def moment(at_us: int) -> str:
    """An instant of the log (microseconds since 1970, UTC), to the minute."""
    return f"{datetime.fromtimestamp(at_us // 1_000_000, timezone.utc):%Y-%m-%d %H:%M} UTC"


def entry(facts: dict[str, Any]) -> str:
    """The number and the instant of an entry."""
    return f"entry {facts['seq']} ({moment(facts['t'])})"


def said_by(facts: dict[str, Any]) -> str:
    """Who did what an entry records, and the reason that they gave."""
    reason = facts.get("reason")
    return f"by {facts.get('operator')}" + (f', who wrote "{reason}"' if reason else "")


def counted(number: int, thing: str) -> str:
    """*number* and the noun *thing*."""
    several = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{number} {thing if number == 1 else several}"


def printable(text: str, encoding: str) -> str:
    """*text* with control characters, marks of direction, and what *encoding* lacks, escaped."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return shown.encode(encoding, "backslashreplace").decode(encoding)
