"""Checkpoints: the log's size and root, signed, one file each, to be kept where nobody here can change them.

Their format is c2sp.org/tlog-checkpoint. As the tail file does, they tell when a store is another, an older copy or
rewritten; unlike it they can be given to others, who need only the public key to believe them.
"""

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from conversions import keys
from conversions.errors import LedgerError, SettingsError
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.checkpoints import timestamp as timestamps
from conversions.ledger.log import root_at
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger
from conversions.process.durable import sync_file, sync_path
from conversions.settings import Settings

PIN = "log key"
"""Under this name the store keeps the public key that its checkpoints are signed with, 64 hex characters."""
WAYS_OUT = (
    "Put the newest copy of the store back with `conversions restore FILE`; or, if this one is right, "
    "`conversions adopt --store --reason TEXT`, and tell your auditor why. `conversions audit verify` tells more."
)
_FILE = re.compile(r"\d{12}\.checkpoint")
_TEXT = re.compile(r"conversions/([0-9a-f]{32})\n(0|[1-9]\d{0,17})\n([A-Za-z0-9+/]{43}=)\n")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says; whether it is signed is another question."""

    store_id: str
    size: int
    root: bytes
    note: signed_note.Note


def origin(store_id: str) -> str:
    """The log's name: the first line of its checkpoints, and their signer."""
    return f"conversions/{store_id}"


def parse(text: str) -> Checkpoint:
    """Raises ValueError where *text* is no checkpoint of a log of ours."""
    parsed = signed_note.parse(text)
    found = _TEXT.fullmatch(parsed.text)
    if found is None:
        raise ValueError("not a checkpoint")
    return Checkpoint(found[1], int(found[2]), base64.b64decode(found[3]), parsed)


def signed(store_id: str, size: int, root: bytes, seed: bytes) -> str:
    """The checkpoint of a log of *size* leaves under *root*."""
    name = origin(store_id)
    return signed_note.sign(f"{name}\n{size}\n{base64.b64encode(root).decode()}\n", name, seed)


def seed_of(settings: Settings) -> bytes:
    """The private key that checkpoints are signed with: one of its own, or one made of the shop's key."""
    return settings.secret_log_key or keys.derive(settings.secret_key, keys.LOG_KEY)


def kept(directory: Path) -> Iterator[Path]:
    """The files of a directory of checkpoints, oldest first."""
    found = directory.iterdir() if directory.is_dir() else ()
    return iter(sorted(path for path in found if _FILE.fullmatch(path.name)))


def check(ledger: Ledger, directory: Path, store: Path) -> None:
    """Raise LedgerError where *store* is not the one that *directory* remembers, is behind it, or was rewritten.

    The newest checkpoint speaks for all before it; ``audit verify`` looks at every one, and at who signed it.
    """
    newest = _newest(directory)
    if newest is None:
        return
    if newest.store_id != ledger.store_id:
        raise LedgerError(f"The store {store} is another one than the checkpoints in {directory} are of. {WAYS_OUT}")
    with ledger.transaction() as connection:
        size = connection.execute(select(tables.head.c.tree_size)).scalar_one()
        if size < newest.size:
            raise LedgerError(
                f"The store {store} is an older copy: its log has {size} entries, a checkpoint in {directory} "
                f"{newest.size}. Orders sent since would be sent again. {WAYS_OUT}"
            )
        if root_at(connection, newest.size) != newest.root:
            raise LedgerError(
                f"The log of {store} differs from the checkpoint in {directory} of its first {newest.size} entries. "
                f"{WAYS_OUT}"
            )


def refuse_lost(directory: Path, store: Path) -> None:
    """Raise LedgerError where there is no store and *directory* has checkpoints of one."""
    newest = _newest(directory)
    if newest is not None:
        raise LedgerError(
            f"The store {store} is gone, but {directory} has a checkpoint of one with {newest.size} log entries: "
            "starting anew would send everything again. `conversions restore FILE` puts a copy back; or, to start anew "
            "on purpose, move that directory and the tail file away."
        )


def prepare(directory: Path) -> None:
    """Make the directory, for its owner alone. Raises SettingsError where it could not be written to after a run."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(directory, error) from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise SettingsError(f"The checkpoint directory {directory} cannot be written; correct store.checkpoints.")


def keep(settings: Settings, ledger: Ledger) -> str | None:
    """Sign the log as it stands and keep that; its text, or None where the store knows no key yet, or another.

    Raises SettingsError where it cannot be written, LedgerError where one of this size says something else.
    """
    with ledger.transaction() as connection:
        size, root = connection.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()
        pinned = connection.execute(select(tables.pin.c.value).where(tables.pin.c.name == PIN)).scalar()
    if pinned is None or pinned != signed_note.public_key(seed_of(settings)).hex():
        return None
    text = signed(ledger.store_id, size, root, seed_of(settings))
    path = settings.checkpoints_path / f"{size:012}.checkpoint"
    _write(path, text.encode())
    if settings.store.timestamp_url:
        timestamp = timestamps.ask(settings.store.timestamp_url, text.encode())
        if timestamp is not None:
            _write(path.with_suffix(".tsr"), timestamp)
    return text


def set_aside(directory: Path, size: int) -> None:
    """After a copy of *size* leaves was restored: move what is newer to ``restored-at-SIZE…``, for auditors.

    They are no contradiction as long as the log's next leaf, "restored", says which sizes were lost.
    """
    newer = [path for path in kept(directory) if int(path.stem) > size]
    before = len(list(directory.glob(f"restored-at-{size:012}*")))
    aside = directory / f"restored-at-{size:012}-{before + 1}"
    try:
        for path in newer:
            aside.mkdir(mode=0o700, exist_ok=True)
            for each in (path, path.with_suffix(".tsr")):
                if each.exists():
                    each.rename(aside / each.name)
    except OSError as error:
        raise _unwritable(directory, error) from None


def _newest(directory: Path) -> Checkpoint | None:
    path = max(kept(directory), default=None)
    if path is None:
        return None
    try:
        return parse(path.read_bytes().decode())
    except OSError as error:
        raise SettingsError(f"The checkpoint {path} cannot be read: {error.strerror}; correct its rights.") from None
    except ValueError:
        raise LedgerError(
            f"The checkpoint {path} is damaged. Restore it from where you keep others. {WAYS_OUT}"
        ) from None


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, on disk when this returns, and never over another that says something else."""
    if path.exists() and path.suffix == ".checkpoint" and path.read_bytes() != content:
        raise LedgerError(f"{path} holds another checkpoint of as many entries. {WAYS_OUT}")
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        prepare(path.parent)
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
            sync_file(file)
        draft.rename(path)
        sync_path(path.parent)
    except OSError as error:
        raise _unwritable(path.parent, error) from None


def _unwritable(directory: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"The checkpoint directory {directory} cannot be written: {error.strerror}; correct store.checkpoints."
    )
