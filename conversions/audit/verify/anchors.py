"""What was kept outside the store: checkpoints and the tail file. The store must be what they remember, or more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.rebuild_tree import Tree
from conversions.audit.verify.rows import RowVerifier
from conversions.ledger import checkpoints
from conversions.ledger.checkpoints import Checkpoint, origin, timestamp


@dataclass(frozen=True, slots=True)
class Anchor:
    """One memory of the log."""

    place: str
    store_id: str
    size: int
    root: bytes
    checkpoint: Checkpoint | None = None
    replaced: bool = False
    """Set aside when an older copy of the store was restored on purpose."""


def read_all(directory: Path, tail: Path, others: Sequence[Path]) -> tuple[list[Anchor], list[VerificationFinding]]:
    """Every memory that can be read, and those that cannot; *others* are checkpoints kept elsewhere."""
    witnesses: list[Anchor] = []
    findings: list[VerificationFinding] = []
    for path in [*checkpoints.checkpoint_files(directory), *others]:
        _read(path, witnesses, findings, replaced=False)
    for aside in sorted(directory.glob("restored-at-*")):
        for path in checkpoints.checkpoint_files(aside):
            _read(path, witnesses, findings, replaced=True)
    witnesses += _lines(tail)
    return witnesses, findings


def _read(path: Path, witnesses: list[Anchor], findings: list[VerificationFinding], *, replaced: bool) -> None:
    try:
        content = path.read_bytes()
        told = checkpoints.parse(content.decode())
    except (OSError, ValueError) as error:
        findings.append(VerificationFinding(f"the checkpoint {path}", f"cannot be read ({type(error).__name__})"))
        return
    place = f"the checkpoint {path.name} of {told.size} entries"
    witnesses.append(Anchor(place, told.store_id, told.size, told.root, told, replaced))
    stamp = path.with_suffix(".tsr")
    if stamp.exists() and not _stamped(stamp, content):
        findings.append(VerificationFinding(f"the time stamp {stamp}", f"is not of {path.name}"))


def _stamped(stamp: Path, content: bytes) -> bool:
    try:
        return timestamp.covers(stamp.read_bytes(), content)
    except ImportError:
        return True


def _lines(tail: Path) -> Iterator[Anchor]:
    """The tail file's; a line that a crash cut short tells nothing."""
    lines = tail.read_bytes().splitlines() if tail.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            told = orjson.loads(line)
            where = f"line {number} of the tail file, of {told['size']} entries,"
            yield Anchor(where, str(told["store"]), int(told["size"]), bytes.fromhex(told["root"]))
        except (ValueError, TypeError, KeyError):
            continue


def compare(
    witnesses: Sequence[Anchor], tree: Tree, store_id: str, books: RowVerifier
) -> Iterator[VerificationFinding]:
    """Each memory that contradicts the log, and each checkpoint that nobody signed whom the log knows."""
    for witness in witnesses:
        if _explained(witness, store_id, books):
            continue
        if witness.checkpoint is not None and not _signed(witness.checkpoint, books.log_keys):
            yield VerificationFinding(witness.place, "is not signed by a key that the log knows")
        if witness.store_id != store_id:
            yield VerificationFinding(witness.place, "is of another store")
        elif tree.roots.get(witness.size) != witness.root:
            older = "the store is an older copy" if witness.size > tree.size else "its first entries were others"
            yield VerificationFinding(witness.place, f"contradicts the log, which has {tree.size}: {older}")


def _signed(checkpoint: Checkpoint, log_keys: set[bytes]) -> bool:
    name = origin(checkpoint.store_id)
    return any(checkpoint.note.signed_by(name, public) for public in log_keys)


def _explained(witness: Anchor, store_id: str, books: RowVerifier) -> bool:
    """It remembers what was lost when another copy took its place, as the log itself says."""
    if witness.checkpoint is not None and not witness.replaced:
        return False
    if witness.store_id != store_id:
        return witness.store_id in books.replaced
    return any(witness.size in sizes for sizes in books.lost)


def covered(witnesses: Sequence[Anchor], tree: Tree) -> int:
    """How many entries the newest checkpoint that agrees covers."""
    agreeing = (w.size for w in witnesses if w.checkpoint and tree.roots.get(w.size) == w.root)
    return max(agreeing, default=0)
