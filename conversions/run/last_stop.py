"""Why the last run stopped: a small file beside the store, since a run that never began leaves no record in it.

The file holds a time, an exit code and one sentence. The next run that ends with a report removes it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class LastStop:
    """The error that stopped the last run."""

    at: datetime
    """Aware, UTC."""
    exit_code: int
    sentence: str


def save(settings: Settings, stop: LastStop) -> None:
    """Write the file where the store's directory is ours; a failure is no reason for another error."""
    path = _path(settings)
    with suppress(OSError):
        if path.parent.stat().st_uid == os.geteuid():
            with _new(path.with_name(f"{path.name}.new")) as descriptor:
                os.write(descriptor, orjson.dumps([stop.at.isoformat(), stop.exit_code, stop.sentence]))
            path.with_name(f"{path.name}.new").replace(path)


def clear(settings: Settings) -> None:
    """Remove the file, after a run that ended with a report."""
    with suppress(OSError):
        _path(settings).unlink(missing_ok=True)


def load(settings: Settings) -> LastStop | None:
    """Return what the file says; None where there is none, or none that can be read."""
    try:
        at, exit_code, sentence = orjson.loads(_path(settings).read_bytes())
        return LastStop(datetime.fromisoformat(at), int(exit_code), str(sentence))
    except (OSError, ValueError, TypeError):
        return None


def _path(settings: Settings) -> Path:
    return settings.store_path.with_name(f"{settings.store_path.name}.stop")


@contextmanager
def _new(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
