"""Verifies an evidence bundle, alone: one file that needs Python 3.9 or newer and the package ``cryptography``.

    python verify_conversions.py BUNDLE [--key KEY]

BUNDLE is the .zip or the directory. KEY is the log's verifier key as you were given it, apart from the bundle
(``conversions/…+…+…``): without it the bundle vouches for itself only. Exit code 0: accepted; 1: refused.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import IO, Any, Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SUMS, SIGNATURE, KEYS, CHECKPOINT = "SHA256SUMS", "SHA256SUMS.sig", "log-keys.txt", "checkpoint.txt"
ENTRIES, INCLUSION, CONSISTENCY, REQUESTS = (
    "entries.jsonl",
    "proofs/inclusion.jsonl",
    "proofs/consistency.jsonl",
    "requests.jsonl",
)
DOCUMENTS = {"policy": ".toml", "settings": ".json"}
SIGNED_SUMS, SIGNED_ZIP = b"conversions/bundle/1\n", b"conversions/zip/1\n"
"""Before what is signed, so that no signature can pass for another."""
SIGNATURE_LENGTH = 128
"""In hex. A zip's comment is the signature of all bytes before it."""


class Refused(Exception):
    """Something in the bundle is not as it was made."""


class Bundle:
    """The files, in a directory or in a zip."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip = zipfile.ZipFile(path) if path.is_file() else None

    def names(self) -> list[str]:
        if self._zip:
            return self._zip.namelist()
        return [str(each.relative_to(self._path).as_posix()) for each in self._path.rglob("*") if each.is_file()]

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(name) if self._zip else (self._path / name).open("rb")

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        with self.open(name) as file:
            for line in file:
                yield json.loads(line)

    def check_wrapping(self, key: "Key") -> None:
        """Every byte of a zip is signed, those of its own directory included."""
        if self._zip is None:
            return
        with self._path.open("rb") as file:
            file.seek(-SIGNATURE_LENGTH, 2)
            key.check(SIGNED_ZIP + digest_of_zip(self._path), file.read(), "the zip file")


def digest_of_zip(path: Path) -> bytes:
    """Of all that its signature covers."""
    whole = hashlib.sha256()
    left = path.stat().st_size - SIGNATURE_LENGTH
    with path.open("rb") as file:
        while left > 0:
            part = file.read(min(left, 1 << 20))
            whole.update(part)
            left -= len(part)
    return whole.digest()


class Key:
    """A verifier key: ``name+hash+base64(01 ‖ Ed25519 public key)``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name, shown, data = text.split("+", 2)
        raw = base64.b64decode(data, validate=True)
        self.hash = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        require(raw[:1] == b"\x01" and self.hash.hex() == shown, f"{KEYS} holds a malformed key")
        self._public = Ed25519PublicKey.from_public_bytes(raw[1:])

    def check(self, message: bytes, signature: bytes, what: str) -> None:
        """*signature* is lower-case hex, so that no two texts mean the same one."""
        require(re.fullmatch(rb"[0-9a-f]{128}", signature) is not None, f"{what} is not signed")
        require(self.signed(message, bytes.fromhex(signature.decode())), f"{what} was altered: its signature is wrong")

    def signed(self, message: bytes, signature: bytes) -> bool:
        try:
            self._public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


def verify(path: Path, known: str | None = None) -> str:
    """What the bundle proves, in a sentence. Raises Refused, or what reading a spoilt file raises."""
    bundle = Bundle(path)
    keys = [Key(line) for line in bundle.read(KEYS).decode().splitlines()]
    require(known is None or keys[0].text == known, "it is signed by another key than the one you were given")
    bundle.check_wrapping(keys[0])
    check_sums(bundle, keys[0])
    size, root = check_checkpoint(bundle.read(CHECKPOINT).decode(), keys[:1])
    first, count = check_entries(bundle, size, root)
    older = check_older(bundle, keys, size, root)
    requests, events, erased = check_requests(bundle)
    return (
        f"Accepted: entries {first} to {first + count - 1} with {requests} requests and {events} events, {erased} of "
        f"them erased, are in the log of {size} entries, which grew out of {older} older checkpoints. "
        f"Signed by {keys[0].text}" + ("." if known else "; compare that key with the one you were given.")
    )


def check_sums(bundle: Bundle, key: Key) -> None:
    """Every file is listed, none is missing, all are what they were."""
    sums = bundle.read(SUMS)
    key.check(SIGNED_SUMS + sums, bundle.read(SIGNATURE), SUMS)
    listed = {line[66:]: line[:64] for line in sums.decode().splitlines()}
    require(sorted([*listed, SUMS, SIGNATURE]) == sorted(bundle.names()), "files are missing, or were added")
    for name, digest in listed.items():
        whole = hashlib.sha256()
        with bundle.open(name) as file:
            while part := file.read(1 << 20):
                whole.update(part)
        require(whole.hexdigest() == digest, f"{name} was altered")


def check_checkpoint(note: str, keys: list[Key]) -> tuple[int, bytes]:
    """Size and root of a signed checkpoint (c2sp.org/tlog-checkpoint)."""
    text, _, below = note.rpartition("\n\n")
    text += "\n"
    found = re.fullmatch(r"— (\S+) (\S+)\n", below)
    require(found is not None, "a checkpoint is not signed")
    blob = base64.b64decode(found[2], validate=True) if found else b""
    key = next((each for each in keys if found and (each.name, each.hash) == (found[1], blob[:4])), None)
    require(key is not None and key.signed(text.encode(), blob[4:]), "a checkpoint is not signed by the log")
    origin, size, root = text.splitlines()
    require(key is not None and key.name == origin, "a checkpoint is of another log")
    return int(size), base64.b64decode(root, validate=True)


def check_entries(bundle: Bundle, size: int, root: bytes) -> tuple[int, int]:
    """Number of the first entry, and how many: each is in the log, and between them none was left out."""
    proofs, first, count = bundle.lines(INCLUSION), None, 0
    with bundle.open(ENTRIES) as file:
        for line in file:
            body = line.rstrip(b"\n")
            number, proof = json.loads(body)["seq"], next(proofs)
            first = number if first is None else first
            require(number == first + count == proof["seq"], f"entry {number} is not the next one")
            path = [bytes.fromhex(each) for each in proof["path"]]
            holds = included(leaf_hash(body), number, size, path, root)
            require(holds, f"entry {number} is not in the log of the checkpoint")
            count += 1
    require(first is not None and next(proofs, None) is None, "there are proofs of other entries, or no entries")
    return first or 0, count


def check_older(bundle: Bundle, keys: list[Key], size: int, root: bytes) -> int:
    """How many older checkpoints the log has grown out of, every one that is in the bundle."""
    count = 0
    for proof in bundle.lines(CONSISTENCY):
        older, older_root = check_checkpoint(bundle.read(proof["checkpoint"]).decode(), keys)
        path = [bytes.fromhex(each) for each in proof["path"]]
        require(consistent(older, size, path, older_root, root), f"the log did not grow out of {proof['checkpoint']}")
        count += 1
    return count


def check_requests(bundle: Bundle) -> tuple[int, int, int]:
    """Requests, their events, and how many of those are erased: what left is what was committed to beforehand."""
    bodies, names = bundle.lines(REQUESTS), set(bundle.names())
    requests = events = erased = 0
    for facts in bundle.lines(ENTRIES):
        for name in documents(facts):
            require(name in names, f"{name} is missing")
        if facts["kind"] == "intent":
            held = next(bodies, {})
            gone = check_request(facts, held)
            requests, events, erased = requests + 1, events + facts["events"], erased + gone
    require(next(bodies, None) is None, "there are requests without an entry")
    return requests, events, erased


def documents(facts: dict[str, Any]) -> list[str]:
    """Files that an entry refers to."""
    if facts["kind"] not in ("run", "intent"):
        return []
    return [f"{kind}/{facts[kind]}{end}" for kind, end in DOCUMENTS.items() if kind in facts]


def check_request(facts: dict[str, Any], held: dict[str, Any]) -> int:
    """How many events of one request are erased. The order of its events is that of their positions."""
    number = facts["request"]
    require(held.get("request") == number, f"request {number} is missing")
    parts = [held[part].encode() for part in ("headers", "prefix", "suffix")]
    require(hashlib.sha256(b"\0".join(parts)).hexdigest() == facts["envelope"], f"the envelope of request {number}")
    commitments = [commitment(event) for event in held["events"]]
    require(len(commitments) == facts["events"], f"request {number} has other events")
    require(root_of(commitments).hex() == facts["commitments"], f"request {number} has other events than it had")
    sent = [event["event"] for event in held["events"] if "event" in event]
    size = len(parts[1]) + len(",".join(sent).encode()) + len(parts[2])
    require(len(sent) < len(commitments) or size == facts["bytes"], f"request {number} has another size")
    return len(commitments) - len(sent)


def commitment(event: dict[str, str]) -> bytes:
    """HMAC-SHA256(salt, event); of an erased event it is all that is left."""
    if "commitment" in event:
        return bytes.fromhex(event["commitment"])
    return hmac.new(bytes.fromhex(event["salt"]), event["event"].encode(), hashlib.sha256).digest()


def leaf_hash(body: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1."""
    level = [leaf_hash(leaf) for leaf in leaves]
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0] if level else hashlib.sha256(b"").digest()


def included(leaf: bytes, position: int, size: int, path: list[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    at, last, reached = position, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            reached = node_hash(sibling, reached)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        at, last = at >> 1, last >> 1
    return 0 <= position < size and last == 0 and reached == root


def consistent(old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162, 2.1.4.2."""
    if not 0 < old < new:
        return old == new and not path and old_root == new_root
    steps = ([old_root] if old & (old - 1) == 0 else []) + path
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, step)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundle", type=Path, nargs="?", default=Path(__file__).parent)
    parser.add_argument("--key", help="the log's verifier key, as you were given it")
    asked = parser.parse_args(arguments)
    try:
        said, code = verify(asked.bundle, asked.key), 0
    except Refused as refusal:
        said, code = f"Refused: {refusal}.", 1
    except Exception as error:  # whatever a spoilt file can cause
        said, code = f"Refused: the bundle cannot be read ({type(error).__name__}).", 1
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
