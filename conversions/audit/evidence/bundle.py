"""Evidence that others can check without us: entries, proofs, what left, a signed checkpoint, and a verifier.

A bundle is a directory; as a zip it is that directory in one signed file.
"""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select, text

from conversions.audit.evidence import verifier
from conversions.errors import LedgerError, SettingsError, Usage
from conversions.ledger import checkpoints, log
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.schema import tables
from conversions.ledger.store import microseconds
from conversions.settings import Settings

_RANGE = text("SELECT min(seq), max(seq) FROM leaf WHERE json_extract(body, '$.t') BETWEEN :since AND :until")
_EVENTS = (
    select(tables.event.c.salt, tables.event.c.bytes, tables.event.c.commitment)
    .join_from(tables.request_event, tables.event, tables.event.c.id == tables.request_event.c.event)
    .where(tables.request_event.c.request == bindparam("request"))
    .order_by(tables.request_event.c.position)
)


@dataclass(slots=True)
class BundleWriter:
    """A bundle that is being written; each file's digest is taken down."""

    home: Path
    sums: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """One file, line by line."""
        path, whole = self.home / name, hashlib.sha256()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with path.open("wb") as file:
            for line in lines:
                file.write(line)
                whole.update(line)
        self.sums[name] = whole.hexdigest()

    def seal(self, seed: bytes) -> None:
        """List every file, and sign the list."""
        sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.sums.items())).encode()
        (self.home / verifier.SUMS).write_bytes(sums)
        (self.home / verifier.SIGNATURE).write_bytes(_signature(seed, verifier.SIGNED_SUMS + sums))


@dataclass(frozen=True, slots=True)
class EntryRange:
    """Which entries: all from one to another, so that none between them can be left out unseen."""

    first: int
    last: int
    size: int
    """Of the whole log."""

    @property
    def numbers(self) -> range:
        """Of the entries."""
        return range(self.first, self.last + 1)


def bundle(log_: Connection, settings: Settings, since: date, until: date, out: Path) -> str:
    """Write the entries of these days, both included, in the shop's zone, and what they prove, to *out*.

    A name that ends in ``.zip`` is a file, any other a directory; neither may be there yet. Returns what the bundle's
    own verifier says of it. Raises Usage, SettingsError where the key is another than the log's, and LedgerError where
    the bundle does not verify.
    """
    seed = _seed(log_, settings)
    extent = _extent(log_, settings.zone, since, until)
    with _new(out) as home:
        draft = BundleWriter(home)
        _write(draft, log_, settings, extent, seed)
        draft.seal(seed)
        done = _zipped(home, seed) if out.suffix == ".zip" else home
        try:
            said = verifier.verify(done)
        except Exception as refusal:  # noqa: BLE001 - whatever it is, nobody is handed such a bundle
            raise LedgerError(
                f"The bundle does not verify ({refusal}) and was not kept; `conversions audit verify` tells more."
            ) from None
        done.rename(out)
    return said


def _seed(log_: Connection, settings: Settings) -> bytes:
    """The private key, if it is the one that the log's checkpoints are signed with."""
    seed = checkpoints.signing_seed(settings)
    pinned = log_.execute(select(tables.pin.c.value).where(tables.pin.c.name == checkpoints.PIN)).scalar()
    if pinned != signed_note.public_key(seed).hex():
        raise SettingsError(
            "CONVERSIONS_LOG_KEY is not the key that this log is signed with; put it back, or `conversions audit "
            "rotate-key`. A log without any gets one from its next run."
        )
    return seed


def _extent(log_: Connection, zone: tzinfo, since: date, until: date) -> EntryRange:
    if until < since:
        raise Usage(f"--until {until} lies before --since {since}.")
    begin = microseconds(datetime.combine(since, time.min, zone))
    end = microseconds(datetime.combine(until, time.max.replace(fold=1), zone))
    first, last = log_.execute(_RANGE, {"since": begin, "until": end}).one()
    if first is None:
        raise Usage(f"The log has no entry of {since} to {until}.")
    return EntryRange(first, last, log_.execute(select(tables.head.c.tree_size)).scalar_one())


def _write(draft: BundleWriter, log_: Connection, settings: Settings, extent: EntryRange, seed: bytes) -> None:
    """Every file but the list of them."""
    store_id, root = log_.execute(select(tables.head.c.store_id, tables.head.c.root)).one()
    shipped = files("conversions.audit.evidence")
    documents: set[str] = set()
    draft.write("README.txt", [(shipped / "bundle_readme.txt").read_bytes()])
    draft.write("verify_conversions.py", [(shipped / "verifier.py").read_bytes()])
    draft.write(verifier.CHECKPOINT, [checkpoints.sign(store_id, extent.size, root, seed).encode()])
    draft.write(verifier.KEYS, _keys(log_, store_id, seed))
    draft.write(verifier.ENTRIES, _entries(log_, extent, documents))
    draft.write(verifier.INCLUSION, _inclusion(log_, extent))
    draft.write(verifier.REQUESTS, _requests(log_, extent))
    draft.write(verifier.CONSISTENCY, _older(draft, log_, settings.checkpoints_path, store_id, extent))
    for name in sorted(documents):
        asked = select(tables.document.c.body).where(tables.document.c.sha256 == Path(name).stem)
        draft.write(name, [log_.execute(asked).scalar_one().encode()])


def _keys(log_: Connection, store_id: str, seed: bytes) -> Iterator[bytes]:
    """The key that signs this bundle, and those that the log was signed with before it."""
    used = [bytes.fromhex(change["old"]) for change in _changes(log_) if change["pin"] == checkpoints.PIN]
    for public in dict.fromkeys([signed_note.public_key(seed), *reversed(used)]):
        yield f"{signed_note.verifier_key(checkpoints.origin(store_id), public)}\n".encode()


def _changes(log_: Connection) -> Iterator[dict[str, Any]]:
    body = tables.leaf.c.body
    for (found,) in log_.execute(select(body).where(body.contains('"kind":"pin changed"')).order_by(tables.leaf.c.seq)):
        yield orjson.loads(found)


def _entries(log_: Connection, extent: EntryRange, documents: set[str]) -> Iterator[bytes]:
    """As they stand in the log; *documents* gets the files that they refer to."""
    seq = tables.leaf.c.seq
    asked = select(tables.leaf.c.body).where(seq.between(extent.first, extent.last)).order_by(seq)
    for (body,) in log_.execute(asked.execution_options(yield_per=1000)):
        documents.update(verifier.documents(orjson.loads(body)))
        yield body.encode() + b"\n"


def _inclusion(log_: Connection, extent: EntryRange) -> Iterator[bytes]:
    for number in extent.numbers:
        path = log.inclusion(log_, number, extent.size)
        yield _line({"seq": number, "path": [each.hex() for each in path]})


def _older(
    draft: BundleWriter, log_: Connection, directory: Path, store_id: str, extent: EntryRange
) -> Iterator[bytes]:
    """Every kept checkpoint, with the proof that the log grew out of it."""
    for path in checkpoints.checkpoint_files(directory):
        content = path.read_bytes()
        older = checkpoints.parse(content.decode())
        if older.store_id == store_id and 0 < older.size <= extent.size:
            draft.write(f"checkpoints/{path.name}", [content])
            proof = log.consistency(log_, older.size, extent.size)
            yield _line({"checkpoint": f"checkpoints/{path.name}", "path": [each.hex() for each in proof]})


def _requests(log_: Connection, extent: EntryRange) -> Iterator[bytes]:
    request = tables.request.c
    asked = select(request.id, request.headers, request.prefix, request.suffix)
    asked = asked.where(request.leaf.between(extent.first, extent.last)).order_by(request.leaf)
    for row in log_.execute(asked).all():
        events = [_event(*event) for event in log_.execute(_EVENTS, {"request": row.id})]
        envelope = {"headers": row.headers, "prefix": row.prefix.decode(), "suffix": row.suffix.decode()}
        yield _line({"request": row.id, **envelope, "events": events})


def _event(salt: bytes | None, content: bytes | None, commitment: bytes | None) -> dict[str, str]:
    """What it takes to check one event's commitment; of an erased one the commitment itself."""
    if salt is None or content is None:
        return {"commitment": (commitment or b"").hex()}
    return {"salt": salt.hex(), "event": content.decode()}


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value) + b"\n"


def _signature(seed: bytes, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).sign(message).hex().encode()


@contextmanager
def _new(out: Path) -> Iterator[Path]:
    """A directory beside *out* to write in, of which nothing is left where that fails."""
    if out.exists():
        raise Usage(f"{out} is already there and stays as it is; name another one.")
    try:
        room = Path(mkdtemp(prefix=f".{out.name}.", dir=out.absolute().parent))
    except OSError as error:
        raise Usage(f"{out} cannot be written: {error.strerror}; name another one.") from None
    try:
        home = room / "bundle"
        home.mkdir(mode=0o700)
        yield home
    except OSError as error:
        raise Usage(f"{out} cannot be written: {error.strerror}; name another one.") from None
    finally:
        shutil.rmtree(room)


def _zipped(home: Path, seed: bytes) -> Path:
    """The same in one file, for its owner's eyes only, every byte of it signed by the comment at its end."""
    path = home.with_suffix(".zip")
    comment = bytes(verifier.SIGNATURE_LENGTH)
    with (
        open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        packed.comment = comment
        for each in sorted(home.rglob("*")):
            if each.is_file():
                packed.write(each, each.relative_to(home).as_posix())
    digest = verifier.digest_of_zip(path)
    with path.open("r+b") as written:
        written.seek(-len(comment), os.SEEK_END)
        written.write(_signature(seed, verifier.SIGNED_ZIP + digest))
    return path
