"""The store of one shop: orders, requests, answers and the audit log. One writer at a time.

``open_ledger`` is for runs that send, ``open_shared`` for short writes beside a run, ``open_read_only`` for queries.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from conversions.errors import Usage
from conversions.ledger import checkpoints, store
from conversions.ledger.log import head_file
from conversions.ledger.store import Clock, Ledger, files, run_lock
from conversions.settings import Settings

__all__ = ["Clock", "Ledger", "open_ledger", "open_read_only", "open_shared", "refuse_lost", "require_store"]


@contextmanager
def open_ledger(
    settings: Settings, clock: Clock, *, wait: float = 0, waiting: run_lock.Waiting = run_lock.silently
) -> Iterator[Ledger]:
    """Open the store for the one run that may send, under the run lock; create the store if there is none.

    Waits up to *wait* seconds for another run to finish, inside ``waiting(wait)``. Raises AnotherRun, LedgerError or
    SettingsError.
    """
    from conversions.ledger.runs.missing_anchor import write_missing

    if settings.store_path.exists():
        files.check_owner(settings.store_path)
    else:
        refuse_lost(settings)
    with (
        files.store_directory(settings.store_path),
        run_lock.hold(settings, clock, wait=wait, waiting=waiting),
        open_shared(settings, clock) as ledger,
    ):
        write_missing(ledger, settings.checkpoints_path)
        yield ledger


def refuse_lost(settings: Settings) -> None:
    """Raise LedgerError where there is no store, and a file outside its directory records one."""
    store.refuse_lost(settings.store_path, settings.tail_path)
    checkpoints.refuse_lost(settings.checkpoints_path, settings.store_path)


def require_store(settings: Settings, why: str) -> None:
    """Raise LedgerError where the store is lost, and Usage, with *why*, where there was none yet."""
    if not settings.store_path.exists():
        refuse_lost(settings)
        raise Usage(f"There is no store yet{why}.")


@contextmanager
def open_shared(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """Open the store for a short write that needs no run lock, such as an objection."""
    if not settings.store_path.exists():
        refuse_lost(settings)
        with files.store_directory(settings.store_path):
            store.create(settings.store_path, settings.tail_path, rehearsal=settings.rehearsal, at=clock())
    with store.connect(settings.store_path, settings.tail_path, clock, rehearsal=settings.rehearsal) as ledger:
        checkpoints.check_checkpoints(ledger, settings.checkpoints_path, settings.store_path)
        checkpoints.prepare_directory(settings.checkpoints_path)
        ledger.write_checkpoint = partial(checkpoints.write, settings)
        yield ledger


@contextmanager
def open_read_only(settings: Settings, clock: Clock, *, rehearsal: bool | None = None) -> Iterator[Ledger]:
    """Open the store for queries; an empty store in memory if there is none yet.

    With *rehearsal* it raises the errors that such a run would raise; None accepts rehearsal stores and real ones.
    """
    if rehearsal is not None:
        head_file.check_writable(settings.tail_path)
    if settings.store_path.exists():
        path, tail_path = settings.store_path, settings.tail_path
        with store.connect_read_only(path, tail_path, clock, rehearsal=rehearsal) as ledger:
            checkpoints.check_checkpoints(ledger, settings.checkpoints_path, path)
            yield ledger
    else:
        refuse_lost(settings)
        files.check_location(settings.store_path)
        with store.empty(clock) as ledger:
            yield ledger
