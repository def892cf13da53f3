"""Copies of the store from before an upgrade, beside it. They hold personal data, so a run deletes them in time."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

KEPT_FOR = timedelta(days=30)
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r".+\.schema-(?P<schema>\d{4})-(?P<stamp>\d{8}T\d{6}Z)")


def new_path(store: Path, schema: str, at: datetime) -> Path:
    """Return where a copy of *store*, which has *schema*, is to be written; *at* is aware, UTC."""
    return store.with_name(f"{store.name}.schema-{schema}-{at:{_STAMP}}")


def kept_until(name: str) -> datetime | None:
    """Return when the copy *name* expires, aware, UTC; None where the file is no such copy."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    with suppress(ValueError):
        return datetime.strptime(match["stamp"], _STAMP).replace(tzinfo=UTC) + KEPT_FOR
    return None


def delete_interrupted(store: Path, schema: str) -> None:
    """Delete copies with the *schema* that *store* still has: an upgrade that was interrupted has left them."""
    for copy in _copies(store):
        if copy.name.startswith(f"{store.name}.schema-{schema}-"):
            copy.unlink()


def delete_expired(store: Path, now: datetime) -> list[str]:
    """Delete the copies beside *store* that have expired, and return their names; the next run tries again."""
    deleted = []
    for copy in _copies(store):
        until = kept_until(copy.name)
        if until is not None and until < now:
            with suppress(OSError):
                copy.unlink()
                deleted.append(copy.name)
    return deleted


def _copies(store: Path) -> Iterator[Path]:
    """Yield the copies beside *store*, oldest schema first."""
    for path in sorted(store.parent.iterdir()):
        if path.name.startswith(f"{store.name}.schema-") and _NAME.fullmatch(path.name):
            yield path
