"""Delivers files to one place, in a limited time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic

from conversions.distribution.places import Place
from conversions.distribution.time_limit import within


@dataclass(slots=True)
class Delivered:
    """How far a delivery came."""

    count: int = 0
    """Files that the place confirmed."""
    why: str | None = None
    """Why not all; None where all were."""


def deliver(place: Place, files: list[Path], seconds: float) -> Delivered:
    """Deliver *files* in their order until one fails, or the time is over; in its second half none is begun."""
    delivered, half = Delivered(), monotonic() + seconds / 2

    def deliver_all() -> str | None:
        for path in files:
            if delivered.count and monotonic() > half:
                return "there was no time for all"
            content = path.read_bytes()
            if why := place.deliver(_name(path, content), content):
                return why
            delivered.count += 1
        return None

    why = within(seconds, deliver_all)
    return Delivered(delivered.count, why)


def _name(path: Path, content: bytes) -> str:
    """Name outside: time, size and digest; names sort by time, also after a restore, and no two contents share one."""
    signed = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    return f"{signed:%Y%m%dT%H%M%SZ}-{path.stem}-{sha256(content).hexdigest()[:8]}{path.suffix}"
