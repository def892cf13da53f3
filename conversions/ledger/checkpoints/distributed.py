"""Which checkpoints each place outside has: a small file beside the checkpoints, for the next run.

A place is named by a keyed digest of its address, because an address may hold a login.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from conversions.process.durable import sync_file

FILE = "distributed.json"


@dataclass(frozen=True, slots=True)
class Distributed:
    """What is known of one place outside."""

    size: int
    """Log entries under the newest checkpoint that the place confirmed; those before it are there, too."""
    at: str | None = None
    """When it confirmed it, ISO 8601; None: never."""
    failed: str | None = None
    """Why the newest attempt failed, a sentence without a login; None where it did not."""


_FORM = TypeAdapter(dict[str, Distributed])


def load(directory: Path) -> dict[str, Distributed]:
    """What is known of each place; empty where there is no file, or it cannot be read."""
    try:
        return _FORM.validate_json((directory / FILE).read_bytes())
    except (OSError, ValidationError):
        return {}


def save(directory: Path, places: Mapping[str, Distributed]) -> None:
    """Write the file in one step. Raises OSError where the directory cannot be written."""
    draft = directory / f"{FILE}.{os.getpid()}.new"
    try:
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(orjson.dumps({place: asdict(known) for place, known in places.items()}))
            sync_file(file)
        draft.rename(directory / FILE)
    finally:
        draft.unlink(missing_ok=True)


def rewind(directory: Path, size: int) -> None:
    """After a restore to *size* entries, let the next run hand over every later checkpoint of the new history."""
    if places := load(directory):
        with suppress(OSError):  # the caller moves files in this directory next, and reports that it cannot
            save(directory, {name: replace(known, size=min(known.size, size)) for name, known in places.items()})
