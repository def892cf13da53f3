"""Evidence bundles for auditors: entries, proofs, the sent events, a signed checkpoint, and a verifier.

A bundle is a directory, or a signed zip file of that directory.
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
from sqlalchemy import Connection, select, text

from conversions.audit.evidence import verifier
from conversions.errors import LedgerError, SettingsError, Usage
from conversions.ledger import checkpoints, log
from conversions.ledger.batches import parts
from conversions.ledger.batches.contents import batch_of, position_of, read
from conversions.ledger.batches.form import OLD_SALT_BYTES, SALT_BYTES, Form, erased_value, link_commitment
from conversions.ledger.batches.links import links
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.schema import tables
from conversions.ledger.store import microseconds
from conversions.settings import Settings

_RANGE = text("SELECT min(seq), max(seq) FROM leaf WHERE json_extract(body, '$.t') BETWEEN :since AND :until")


@dataclass(slots=True)
class BundleWriter:
    """Writes the files of a bundle and records their digests."""

    home: Path
    sums: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """Write one file, line by line."""
        path, digest = self.home / name, hashlib.sha256()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with path.open("wb") as file:
            for line in lines:
                file.write(line)
                digest.update(line)
        self.sums[name] = digest.hexdigest()

    def sign(self, seed: bytes) -> None:
        """Write the list of all files with their digests, and sign it."""
        sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.sums.items())).encode()
        (self.home / verifier.SUMS).write_bytes(sums)
        (self.home / verifier.SIGNATURE).write_bytes(_signature(seed, verifier.SIGNED_SUMS + sums))


@dataclass(frozen=True, slots=True)
class EntryRange:
    """A range of entries without gaps, so that the verifier notices an entry that was left out."""

    first: int
    last: int
    size: int
    """Size of the whole log."""

    @property
    def numbers(self) -> range:
        """Numbers of the entries."""
        return range(self.first, self.last + 1)


def bundle(log_: Connection, settings: Settings, since: date, until: date, out: Path) -> str:
    """Write the entries from day *since* to day *until* (both included, shop's zone) and their proofs to *out*.

    A name that ends in ``.zip`` becomes a file, any other a directory; it must not exist. Returns the verifier's
    sentence about the new bundle. Raises Usage, SettingsError where the key is not the log's key, and LedgerError where
    the bundle does not verify.
    """
    seed = _seed(log_, settings)
    entries = _entry_range(log_, settings.zone, since, until)
    with _new_directory(out) as home:
        writer = BundleWriter(home)
        _write_files(writer, log_, settings, entries, seed)
        writer.sign(seed)
        finished = _zip(home, seed) if out.suffix == ".zip" else home
        try:
            sentence = verifier.verify(finished)
        except Exception as refusal:  # noqa: BLE001 - the verifier can fail in any way, and the bundle is then useless
            raise LedgerError(
                f"The bundle does not verify ({refusal}) and was not kept; `conversions audit verify` shows what is"
                " wrong."
            ) from None
        finished.rename(out)
    return sentence


def _seed(log_: Connection, settings: Settings) -> bytes:
    """The private key. Raises SettingsError where it is not the key that signs the log's checkpoints."""
    seed = checkpoints.signing_seed(settings)
    bound = log_.execute(select(tables.pin.c.value).where(tables.pin.c.name == checkpoints.PIN)).scalar()
    if bound != signed_note.public_key(seed).hex():
        raise SettingsError(
            "CONVERSIONS_LOG_KEY is not the key that this log is signed with; put it back, or `conversions audit "
            "rotate-key`. A log without a key gets one from its next run."
        )
    return seed


def _entry_range(log_: Connection, zone: tzinfo, since: date, until: date) -> EntryRange:
    if until < since:
        raise Usage(f"--until {until} lies before --since {since}.")
    begin = microseconds(datetime.combine(since, time.min, zone))
    end = microseconds(datetime.combine(until, time.max.replace(fold=1), zone))
    first, last = log_.execute(_RANGE, {"since": begin, "until": end}).one()
    if first is None:
        raise Usage(f"The log has no entry from {since} to {until}.")
    return EntryRange(first, last, log_.execute(select(tables.head.c.tree_size)).scalar_one())


def _write_files(writer: BundleWriter, log_: Connection, settings: Settings, entries: EntryRange, seed: bytes) -> None:
    """Write every file but the list of files."""
    store_id, root = log_.execute(select(tables.head.c.store_id, tables.head.c.root)).one()
    shipped = files("conversions.audit.evidence")
    documents: set[str] = set()
    writer.write("README.txt", [(shipped / "bundle_readme.txt").read_bytes()])
    writer.write("verify_conversions.py", [(shipped / "verifier.py").read_bytes()])
    origin = checkpoints.current_origin(log_, store_id)
    writer.write(verifier.CHECKPOINT, [checkpoints.sign(store_id, entries.size, root, seed, origin=origin).encode()])
    writer.write(verifier.KEYS, _keys(log_, store_id, seed))
    writer.write(verifier.ENTRIES, _entries(log_, entries, documents))
    writer.write(verifier.INCLUSION, _inclusion_proofs(log_, entries))
    writer.write(verifier.REQUESTS, _requests(log_, entries))
    writer.write(
        verifier.CONSISTENCY, _consistency_proofs(writer, log_, settings.checkpoints_path, store_id, entries.size)
    )
    for name in sorted(documents):
        query = select(tables.document.c.body).where(tables.document.c.sha256 == Path(name).stem)
        writer.write(name, [log_.execute(query).scalar_one().encode()])


def _keys(log_: Connection, store_id: str, seed: bytes) -> Iterator[bytes]:
    """The key that signs this bundle, then the earlier keys of the log."""
    used = [bytes.fromhex(change["old"]) for change in _binding_changes(log_) if change["pin"] == checkpoints.PIN]
    for public in dict.fromkeys([signed_note.public_key(seed), *reversed(used)]):
        yield f"{signed_note.verifier_key(checkpoints.signer(store_id), public)}\n".encode()


def _binding_changes(log_: Connection) -> Iterator[dict[str, Any]]:
    body = tables.leaf.c.body
    query = select(body).where(body.contains('"kind":"pin changed"')).order_by(tables.leaf.c.seq)
    for (entry,) in log_.execute(query):
        yield orjson.loads(entry)


def _entries(log_: Connection, entries: EntryRange, documents: set[str]) -> Iterator[bytes]:
    """The entries exactly as logged; adds the files that they refer to to *documents*."""
    seq = tables.leaf.c.seq
    query = select(tables.leaf.c.body).where(seq.between(entries.first, entries.last)).order_by(seq)
    for (body,) in log_.execute(query.execution_options(yield_per=1000)):
        documents.update(verifier.documents(orjson.loads(body)))
        yield body.encode() + b"\n"


def _inclusion_proofs(log_: Connection, entries: EntryRange) -> Iterator[bytes]:
    for number in entries.numbers:
        path = log.inclusion(log_, number, entries.size)
        yield _line({"seq": number, "path": [node.hex() for node in path]})


def _consistency_proofs(
    writer: BundleWriter, log_: Connection, directory: Path, store_id: str, size: int
) -> Iterator[bytes]:
    """Write every kept checkpoint, and yield the proof that the log of *size* entries grew out of it."""
    for path in checkpoints.checkpoint_files(directory):
        content = path.read_bytes()
        older = checkpoints.parse(content.decode())
        if older.store_id == store_id and 0 < older.size <= size:
            writer.write(f"checkpoints/{path.name}", [content])
            proof = log.consistency(log_, older.size, size)
            yield _line({"checkpoint": f"checkpoints/{path.name}", "path": [node.hex() for node in proof]})


def _requests(log_: Connection, entries: EntryRange) -> Iterator[bytes]:
    request = tables.request.c
    query = select(request.id, request.route, request.headers, request.prefix, request.suffix)
    query = query.where(request.leaf.between(entries.first, entries.last)).order_by(request.leaf)
    for row in log_.execute(query).all():
        events = list(_events(log_, row.id))
        envelope = {"headers": row.headers, "prefix": row.prefix.decode(), "suffix": row.suffix.decode()}
        yield _line({"request": row.id, "route": row.route, **envelope, "events": events})


def _events(log_: Connection, request: int) -> Iterator[dict[str, str]]:
    """What proves each event of a request: salt, bytes and the link's commitment; where it is erased, its leaf value.

    The link itself, which says whose order the event is, is not in a bundle.
    """
    places = parts.places(log_, [request])[request]
    contents = read(log_, {batch_of(at) for at in places})
    keys = [contents[batch_of(at)].events[position_of(at)] for at in places]
    linked = links(log_, keys, contents)
    for key, at in zip(keys, places, strict=True):
        of_batch, position = contents[batch_of(at)], position_of(at)
        form, salts, body = of_batch.form, of_batch.salts[position], of_batch.bodies[position]
        if body is None:
            yield {"commitment": erased_value(form, salts).hex()}
        elif form is Form.BYTES:
            yield {"salt": salts[:OLD_SALT_BYTES].hex(), "event": body.decode()}
        else:
            commitment = link_commitment(form, salts, linked[key])
            yield {"salt": salts[:SALT_BYTES].hex(), "event": body.decode(), "link": commitment.hex()}


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value) + b"\n"


def _signature(seed: bytes, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).sign(message).hex().encode()


@contextmanager
def _new_directory(out: Path) -> Iterator[Path]:
    """A temporary directory beside *out*; it is always deleted at the end."""
    if out.exists():
        raise Usage(f"{out} is already there and stays as it is; name another one.")
    try:
        temporary = Path(mkdtemp(prefix=f".{out.name}.", dir=out.absolute().parent))
    except OSError as error:
        raise Usage(f"{out} cannot be written: {error.strerror}; name another one.") from None
    try:
        home = temporary / "bundle"
        home.mkdir(mode=0o700)
        yield home
    except OSError as error:
        raise Usage(f"{out} cannot be written: {error.strerror}; name another one.") from None
    finally:
        shutil.rmtree(temporary)


def _zip(home: Path, seed: bytes) -> Path:
    """Pack *home* into a zip file that only its owner may read; the comment at its end signs all bytes before it."""
    path = home.with_suffix(".zip")
    comment = bytes(verifier.SIGNATURE_LENGTH)
    with (
        open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.comment = comment
        for member in sorted(home.rglob("*")):
            if member.is_file():
                archive.write(member, member.relative_to(home).as_posix())
    digest = verifier.digest_of_zip(path)
    with path.open("r+b") as written:
        written.seek(-len(comment), os.SEEK_END)
        written.write(_signature(seed, verifier.SIGNED_ZIP + digest))
    return path
