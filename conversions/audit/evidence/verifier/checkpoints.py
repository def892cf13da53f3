"""Checkpoints of earlier times: those that the bundle holds, and those that the auditor kept.

The log must have grown out of each: its root at that size must be the one that was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from .files import CHECKPOINT, CHECKPOINTS, Bundle
from .history import History, lost_sizes, restore_sentence
from .notes import Checkpoint, Key, is_origin_of, open_checkpoint
from .refusal import Refused, require
from .tree import Tree
from .wording import counted

STAMP = ".tsr"
"""The end of the name of a time stamp (RFC 3161)."""


class Log(NamedTuple):
    """The log of a bundle, as far as the bundle proves it."""

    origin: str
    tree: Tree
    keys: list[Key]
    history: History


def open_log_checkpoint(bundle: Bundle, keys: Sequence[Key], tree: Tree) -> Checkpoint:
    """The checkpoint over the whole log; the hashes of the bundle must be those of its entries."""
    whole = open_checkpoint(bundle.read(CHECKPOINT), keys, CHECKPOINT)
    is_whole = whole.size == tree.size and whole.root == tree.root()
    require(is_whole, f"the hashes of the entries are not those of the log in {CHECKPOINT}")
    require(keys[0] in whole.signers, f"{CHECKPOINT} is not signed with the first key of the bundle")
    return whole


def check_kept(bundle: Bundle, log: Log) -> tuple[int, int]:
    """Check every checkpoint in the bundle; return their number, and that of the time stamps beside them."""
    names = [name for name in bundle.digests if name.startswith(CHECKPOINTS)]
    kept = [name for name in names if not name.endswith(STAMP)]
    for name in kept:
        difference = _difference(open_checkpoint(bundle.read(name), log.keys, name), log)
        require(not difference, f"{name} is not of this log: {difference}")
    return len(kept), len(names) - len(kept)


def check_own(paths: Sequence[Path], log: Log) -> int:
    """Check the auditor's own checkpoints; return the size of the newest, 0 where there is none. Raises Refused."""
    newest = 0
    for path in (file for given in paths for file in _files(given)):
        at = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        name = f"your checkpoint {path.name} (file of {at:%Y-%m-%d %H:%M} UTC)"
        own = open_checkpoint(path.read_bytes(), log.keys, name)
        difference = _difference(own, log)
        require(not difference, f"{name}, of {counted(own.size, 'entry')}, is not of this log: {difference}")
        newest = max(newest, own.size)
    return newest


def _files(path: Path) -> list[Path]:
    """The checkpoints in a folder, or the one file."""
    if not path.is_dir():
        require(path.is_file(), f"there is no file {path}")
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file() and file.suffix != STAMP)
    if not files:
        raise Refused(f"there is no checkpoint in {path}")
    return files


def _difference(earlier: Checkpoint, log: Log) -> str:
    """Why the log did not grow out of an earlier checkpoint; empty where it did."""
    size, restored = log.tree.size, log.history.restored
    if earlier.size <= size and log.tree.root(earlier.size) == earlier.root and is_name(earlier.origin, log):
        return ""
    for facts in restored:
        if earlier.size in lost_sizes(facts) or earlier.origin.endswith(facts.get("remembered_store") or "\n"):
            return f"it covers entries that are lost. {restore_sentence(facts)[:-1]}"
    if not is_name(earlier.origin, log):
        return f"it is of {earlier.origin}, this one is {log.origin}"
    if earlier.size > size:
        return (
            f"it is newer than this log, which had {counted(size, 'entry')} when the bundle was made. If the bundle"
            " was made after your checkpoint, the log was rolled back; if before, ask for a newer bundle"
        )
    return f"the first {counted(earlier.size, 'entry')} of this log are others, so the log was rewritten"


def is_name(name: str, log: Log) -> bool:
    """Whether this is the log's name, or a former one that the entry of a restore states."""
    return is_origin_of(name, log.origin) or any(
        name in (value, f"conversions/{value}")
        for facts in log.history.restored
        for key, value in facts.items()
        if key not in ("operator", "reason")
    )
