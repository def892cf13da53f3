"""Anchors outside the store: checkpoints and the tail file. The log must have grown out of each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.rebuild_tree import Tree
from conversions.audit.verify.rows import RowVerifier
from conversions.errors import Usage
from conversions.ledger import checkpoints
from conversions.ledger.checkpoints import Checkpoint, signer, timestamp

LINE_START = b'{"store":"'
"""What each line of the tail file begins with."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Size and root of the log at an earlier time, kept outside the store."""

    place: str
    store_id: str
    size: int
    root: bytes
    checkpoint: Checkpoint | None = None
    replaced: bool = False
    """True where a restore of an older copy moved this checkpoint aside."""
    outside: bool = False
    """True where it is kept elsewhere; ``outside`` compares these."""


def read_all(directory: Path, tail: Path, others: Sequence[Path]) -> tuple[list[Anchor], list[VerificationFinding]]:
    """Return the readable anchors, and a finding for each unreadable one; *others* are checkpoints kept elsewhere."""
    anchors: list[Anchor] = []
    findings: list[VerificationFinding] = []
    for path in checkpoints.checkpoint_files(directory):
        _read(path, anchors, findings)
    for path in others:
        _read(path, anchors, findings, outside=True)
    for aside in sorted(directory.glob("restored-at-*")):
        for path in checkpoints.checkpoint_files(aside):
            _read(path, anchors, findings, replaced=True)
    _read_tail(tail, anchors, findings)
    return anchors, findings


def size_of(path: Path) -> int:
    """Number of entries that the checkpoint in *path* covers; 0 where it cannot be read, so that nothing is skipped."""
    try:
        return checkpoints.parse(path.read_text(encoding="utf-8")).size
    except (OSError, ValueError):
        return 0


def files_of(places: Sequence[Path]) -> list[Path]:
    """Return the checkpoint files of *places*, which are files and folders. Raises Usage for a folder without one."""
    files: list[Path] = []
    for place in places:
        found = sorted(each for each in place.rglob("*.checkpoint") if each.is_file()) if place.is_dir() else [place]
        if not found:
            raise Usage(f"{place} has no file *.checkpoint; name a folder of checkpoints, or one of them.")
        files += found
    return files


def _read(
    path: Path,
    anchors: list[Anchor],
    findings: list[VerificationFinding],
    *,
    replaced: bool = False,
    outside: bool = False,
) -> None:
    try:
        content = path.read_bytes()
        checkpoint = checkpoints.parse(content.decode())
    except (OSError, ValueError) as error:
        findings.append(VerificationFinding(f"the checkpoint {path}", f"cannot be read ({type(error).__name__})"))
        return
    place = f"the checkpoint {path.name} of {checkpoint.size} entries"
    anchors.append(Anchor(place, checkpoint.store_id, checkpoint.size, checkpoint.root, checkpoint, replaced, outside))
    stamp = path.with_suffix(".tsr")
    if stamp.exists() and not _stamp_covers(stamp, content):
        findings.append(VerificationFinding(f"the time stamp {stamp}", f"is not of {path.name}"))


def _stamp_covers(stamp: Path, content: bytes) -> bool:
    try:
        return timestamp.covers(stamp.read_bytes(), content)
    except ImportError:  # without the optional package, time stamps are not checked
        return True


def _read_tail(tail: Path, anchors: list[Anchor], findings: list[VerificationFinding]) -> None:
    """Read the tree heads of the tail file; a line that a crash cut short is skipped."""
    lines = tail.read_bytes().splitlines() if tail.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            head = orjson.loads(line)
            place = f"line {number} of the tail file, of {head['size']} entries,"
            anchors.append(Anchor(place, str(head["store"]), int(head["size"]), bytes.fromhex(head["root"])))
        except (ValueError, TypeError, KeyError, OverflowError):
            if not _cut_short(line):
                findings.append(VerificationFinding(f"line {number} of the tail file", "is not a line of a run"))


def _cut_short(line: bytes) -> bool:
    """Whether *line* is the beginning of a line that a crash cut short, or the zeros that a power failure leaves."""
    return not line.strip(b"\0") or (LINE_START.startswith(line[: len(LINE_START)]) and not line.endswith(b"}"))


def compare(
    anchors: Sequence[Anchor], tree: Tree, store_id: str, row_verifier: RowVerifier
) -> Iterator[VerificationFinding]:
    """Yield anchors that contradict the log, and checkpoints that no key of the log signed."""
    for anchor in anchors:
        if anchor.outside or _explained(anchor, store_id, row_verifier):
            continue
        if anchor.checkpoint is not None and not is_signed(anchor.checkpoint, row_verifier.log_keys):
            yield VerificationFinding(anchor.place, "is not signed by a key that the log knows")
        if anchor.store_id != store_id:
            yield VerificationFinding(anchor.place, "is of another store")
        elif tree.roots.get(anchor.size) != anchor.root:
            older = "the store is an older copy" if anchor.size > tree.size else "its first entries were others"
            yield VerificationFinding(anchor.place, f"contradicts the log, which has {tree.size}: {older}")


def is_signed(checkpoint: Checkpoint, log_keys: set[bytes]) -> bool:
    """Return whether one of *log_keys* signed it."""
    name = signer(checkpoint.store_id)
    return any(checkpoint.note.signed_by(name, public) for public in log_keys)


def _explained(anchor: Anchor, store_id: str, row_verifier: RowVerifier) -> bool:
    """Whether the anchor belongs to entries or a store that a restore replaced, according to the log itself."""
    if anchor.checkpoint is not None and not anchor.replaced:
        return False
    if anchor.store_id != store_id:
        return anchor.store_id in row_verifier.replaced_stores
    return any(anchor.size in sizes for sizes in row_verifier.lost_sizes)


def covered(anchors: Sequence[Anchor], tree: Tree) -> int:
    """Number of entries that the newest checkpoint covers, among those that agree with the log."""
    agreeing = (a.size for a in anchors if a.checkpoint and tree.roots.get(a.size) == a.root)
    return max(agreeing, default=0)
