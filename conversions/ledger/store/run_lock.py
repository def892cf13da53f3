"""The run lock: a kernel lock on a file beside the store, so that the lock of a killed run is free again."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout
from sqlalchemy import select

from conversions.errors import AnotherRun, ConversionsError, SettingsError
from conversions.ledger.schema import tables
from conversions.ledger.store import sqlite
from conversions.ledger.store.ledger import Clock, instant
from conversions.model.local_time import local_time
from conversions.settings import Settings

MOMENT_SECONDS = 0.2
"""A run always waits this long for the lock, since ``is_held`` may have it for a moment."""
Waiting = Callable[[float], AbstractContextManager[None]]
"""Announces a wait of at most so many seconds, as long as it lasts."""


def silently(_seconds: float) -> AbstractContextManager[None]:
    """Announce nothing."""
    return nullcontext()


@contextmanager
def hold(settings: Settings, clock: Clock, *, wait: float, waiting: Waiting = silently) -> Iterator[None]:
    """Hold the run lock. Raises AnotherRun, which names the holder, if the lock is not free within *wait* seconds."""
    path = _path(settings)
    lock = FileLock(path, timeout=MOMENT_SECONDS, mode=0o600, fallback_to_soft=False)
    try:
        _acquire(lock, wait, waiting)
    except Timeout:
        raise AnotherRun(
            f"Another run holds the store: {_describe_holder(settings, clock)}. Nothing was changed; run again when "
            "it has finished, or wait for it with `conversions run --wait 30m`."
        ) from None
    except OSError as error:
        why = error.strerror or errno.errorcode.get(error.errno or 0, "unknown error")
        raise SettingsError(f"The lock {path} cannot be taken: {why}; run this as the store's owner.") from None
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: BaseFileLock, wait: float, waiting: Waiting) -> None:
    try:
        lock.acquire()
    except Timeout:
        if not wait:
            raise
        with waiting(wait):
            lock.acquire(timeout=wait)


def is_held(settings: Settings) -> bool:
    """Return whether a command holds the run lock now; the look itself keeps another command out for a moment only."""
    try:
        descriptor = os.open(_path(settings), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)  # it also frees the lock
    return False


def _path(settings: Settings) -> Path:
    return settings.store_path.with_name(f"{settings.store_path.name}.lock")


def _describe_holder(settings: Settings, clock: Clock) -> str:
    """The newest run in the store; a run that has just started may not be in it yet."""
    newest = select(tables.run).order_by(tables.run.c.id.desc()).limit(1)
    try:
        with sqlite.connect_read_only(settings.store_path, settings.tail_path, clock) as ledger:
            run = ledger.connection.execute(newest).one_or_none()
    except ConversionsError:
        run = None
    if run is None or run.finished_us is not None:
        return "it has just started"
    since = local_time(instant(run.started_us), settings.zone)
    return f"run {run.id} of {run.operator} on {run.host}, process {run.pid}, since {since}"
