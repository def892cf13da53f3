"""Checkpoints: the log's size and root, signed, one file each, in the format of c2sp.org/tlog-checkpoint.

Like the tail file, they show that a store is another one, an older copy or rewritten. Unlike the tail file, an auditor
can keep a copy and verify it with the public key alone.
"""

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from conversions.errors import LedgerError, SettingsError
from conversions.ledger.checkpoints import distributed, signed_note
from conversions.ledger.checkpoints.origin import ORIGIN, current_origin, signer
from conversions.ledger.checkpoints.signing_keys import PIN, overlapping_seeds, signing_seed
from conversions.ledger.checkpoints.timestamp import request_timestamp
from conversions.ledger.log import root_at
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger
from conversions.process.durable import sync_file, sync_path
from conversions.settings import Settings
from conversions.transport.route import open_route

REMEDY = (
    "Put the newest copy of the store back with `conversions restore FILE`; or, if this one is right, "
    "`conversions adopt --store --reason TEXT`, and tell your auditor why. `conversions audit verify` shows more."
)
_FILE = re.compile(r"\d{12}\.checkpoint")
_TEXT = re.compile(rf"({ORIGIN.pattern})\n(0|[1-9]\d{{0,17}})\n([A-Za-z0-9+/]{{43}}=)\n")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Content of a checkpoint; its signature is not verified."""

    store_id: str
    size: int
    root: bytes
    note: signed_note.Note
    origin: str
    """The first line: which history of the log it is of."""


def parse(text: str) -> Checkpoint:
    """Parse a checkpoint. Raises ValueError where *text* is not a checkpoint of a log of this program."""
    note = signed_note.parse(text)
    match = _TEXT.fullmatch(note.text)
    if match is None:
        raise ValueError("not a checkpoint")
    return Checkpoint(match["store"], int(match[4]), base64.b64decode(match[5]), note, match[1])


def sign(store_id: str, size: int, root: bytes, seed: bytes, *former: bytes, origin: str | None = None) -> str:
    """The signed checkpoint of a log of *size* leaves under *root*.

    *seed* is the private key, *former* those that sign, too, *origin* the log's where it was restored.
    """
    name = signer(store_id)
    text = f"{origin or name}\n{size}\n{base64.b64encode(root).decode()}\n"
    return signed_note.sign(text, name, seed, *former)


def newest_origin(directory: Path) -> str | None:
    """Origin of the newest checkpoint in *directory*; None where there is none that can be read."""
    try:
        newest = _newest(directory)
    except (LedgerError, SettingsError):
        return None
    return newest.origin if newest else None


def checkpoint_files(directory: Path) -> Iterator[Path]:
    """The checkpoint files of *directory*, oldest first."""
    paths = directory.iterdir() if directory.is_dir() else ()
    return iter(sorted(path for path in paths if _FILE.fullmatch(path.name)))


def check_checkpoints(ledger: Ledger, directory: Path, store: Path) -> None:
    """Raise LedgerError where *store* is not the store of the newest checkpoint, is older than it, or was rewritten.

    The newest checkpoint covers all earlier ones; ``audit verify`` checks each of them and its signature.
    """
    newest = _newest(directory)
    if newest is None:
        return
    if newest.store_id != ledger.store_id:
        raise LedgerError(f"The store {store} is another one than the checkpoints in {directory} are of. {REMEDY}")
    with ledger.transaction() as connection:
        size = connection.execute(select(tables.head.c.tree_size)).scalar_one()
        if size < newest.size:
            raise LedgerError(
                f"The store {store} is an older copy: its log has {size} entries, a checkpoint in {directory} "
                f"{newest.size}. Orders sent since would be sent again. {REMEDY}"
            )
        if root_at(connection, newest.size) != newest.root:
            raise LedgerError(
                f"The log of {store} differs from the checkpoint in {directory} of its first {newest.size} entries. "
                f"{REMEDY}"
            )


def refuse_lost(directory: Path, store: Path) -> None:
    """Raise LedgerError where there is no store, but *directory* has checkpoints of one."""
    newest = _newest(directory)
    if newest is not None:
        raise LedgerError(
            f"The store {store} is gone, but {directory} has a checkpoint of one with {newest.size} log entries: "
            "a new store would send everything again. `conversions restore FILE` puts a copy back; or, to start anew "
            "on purpose, move that directory and the tail file away."
        )


def prepare_directory(directory: Path) -> None:
    """Create the directory for its owner alone. Raises SettingsError where a run could not write to it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(directory, error) from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise SettingsError(f"The checkpoint directory {directory} cannot be written; correct store.checkpoints.")


def write(settings: Settings, ledger: Ledger) -> str | None:
    """Sign and write a checkpoint of the log; return its text, or None if the store has no key yet, or another key.

    Raises SettingsError where it cannot be written, LedgerError where a different checkpoint of this size exists.
    """
    with ledger.transaction() as connection:
        size, root = connection.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()
        pinned = connection.execute(select(tables.pin.c.value).where(tables.pin.c.name == PIN)).scalar()
        if pinned is None or pinned != signed_note.public_key(signing_seed(settings)).hex():
            return None
        origin = current_origin(connection, ledger.store_id)
        former = overlapping_seeds(connection, settings, ledger.clock())
    text = sign(ledger.store_id, size, root, signing_seed(settings), *former, origin=origin)
    path = settings.checkpoints_path / f"{size:012}.checkpoint"
    if kept := _kept(path, text, pinned):
        text = kept
    else:
        _write(path, text.encode(), ledger.clock())
    if settings.store.timestamp_url:
        timestamp = request_timestamp(settings.store.timestamp_url, text.encode(), open_route(settings))
        if timestamp is not None:
            _write(path.with_suffix(".tsr"), timestamp, ledger.clock())
    return text


def _kept(path: Path, text: str, public: str) -> str | None:
    """The checkpoint that *path* has, where *text* says the same and *public* signed both; None where it has none.

    Other former keys may sign now than when it was written.
    """
    try:
        kept = path.read_text(encoding="utf-8")
        checkpoint = parse(kept)
    except (OSError, ValueError):
        return None
    is_same = checkpoint.note.text == parse(text).note.text
    return kept if is_same and checkpoint.note.signed_by(signer(checkpoint.store_id), bytes.fromhex(public)) else None


def set_aside(directory: Path, size: int) -> None:
    """Move checkpoints of more than *size* leaves to ``restored-at-SIZE…``, after the restore of a copy of that size.

    An auditor accepts them because the log's next leaf, "restored", names the lost sizes.
    """
    distributed.rewind(directory, size)
    newer = [path for path in checkpoint_files(directory) if int(path.stem) > size]
    before = len(list(directory.glob(f"restored-at-{size:012}*")))
    aside = directory / f"restored-at-{size:012}-{before + 1}"
    try:
        for path in newer:
            aside.mkdir(mode=0o700, exist_ok=True)
            for file in (path, path.with_suffix(".tsr")):
                if file.exists():
                    file.rename(aside / file.name)
    except OSError as error:
        raise _unwritable(directory, error) from None


def _newest(directory: Path) -> Checkpoint | None:
    path = max(checkpoint_files(directory), default=None)
    if path is None:
        return None
    try:
        return parse(path.read_bytes().decode())
    except OSError as error:
        raise SettingsError(f"The checkpoint {path} cannot be read: {error.strerror}; correct its rights.") from None
    except ValueError:
        raise LedgerError(
            f"The checkpoint {path} is damaged. Restore it from your copy of the checkpoints. {REMEDY}"
        ) from None


def _write(path: Path, content: bytes, at: datetime) -> None:
    """Write the file of the time *at* in one step; it is on disk when this returns.

    Raises LedgerError over a different checkpoint.
    """
    if path.exists() and path.suffix == ".checkpoint" and path.read_bytes() != content:
        raise LedgerError(f"{path} holds a different checkpoint of the same size. {REMEDY}")
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        prepare_directory(path.parent)
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
            sync_file(file)
        os.utime(draft, (at.timestamp(), at.timestamp()))
        draft.rename(path)
        sync_path(path.parent)
    except OSError as error:
        raise _unwritable(path.parent, error) from None


def _unwritable(directory: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"The checkpoint directory {directory} cannot be written: {error.strerror}; correct store.checkpoints."
    )
