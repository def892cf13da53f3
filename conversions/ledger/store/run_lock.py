"""The run lock: the kernel's, on a file beside the store, so that a killed run leaves none behind."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout
from sqlalchemy import select

from conversions.errors import AnotherRun, ConversionsError, SettingsError
from conversions.ledger.schema import tables
from conversions.ledger.store import sqlite
from conversions.ledger.store.ledger import Clock, instant
from conversions.settings import Settings


@contextmanager
def hold(settings: Settings, clock: Clock, *, wait: float) -> Iterator[None]:
    """Hold the run lock. Raises AnotherRun, naming the holder, when it is not free within *wait* seconds."""
    path = settings.store_path.with_name(f"{settings.store_path.name}.lock")
    held = FileLock(path, timeout=wait, mode=0o600, fallback_to_soft=False)
    try:
        held.acquire()
    except Timeout:
        raise AnotherRun(
            f"Another run holds the store: {_holder(settings, clock)}. Nothing was touched; run again when it has "
            "finished, or wait for it with `conversions run --wait 30m`."
        ) from None
    except OSError as error:
        said = error.strerror or errno.errorcode.get(error.errno or 0, "unknown error")
        raise SettingsError(f"The lock {path} cannot be taken: {said}; run this as the store's owner.") from None
    try:
        yield
    finally:
        held.release()


def _holder(settings: Settings, clock: Clock) -> str:
    """Who runs, as far as the store tells; a run that has only just begun may not be in it yet."""
    newest = select(tables.run).order_by(tables.run.c.id.desc()).limit(1)
    try:
        with sqlite.connect_read_only(settings.store_path, settings.tail_path, clock) as ledger:
            found = ledger.connection.execute(newest).one_or_none()
    except ConversionsError:
        found = None
    if found is None or found.finished_us is not None:
        return "it has only just begun"
    since = instant(found.started_us).astimezone(settings.zone)
    return f"run {found.id} of {found.operator} on {found.host}, process {found.pid}, since {since:%Y-%m-%d %H:%M:%S}"
