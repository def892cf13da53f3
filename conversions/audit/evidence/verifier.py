"""Verifies an evidence bundle: a stand-alone file for Python 3.9 or newer and the package ``cryptography``.

    python verify_conversions.py BUNDLE [--key KEY]

BUNDLE is the .zip or the directory. KEY is the log's verifier key (``conversions/…+…+…``); take it from another source
than the bundle. Without KEY, the bundle is checked only against its own key. Exit code 0: accepted; 1: refused.
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
"""Prefixes of the signed messages, so that a signature of one kind is not valid for the other."""
SIGNATURE_LENGTH = 128
"""Hex characters. The comment of a zip is the signature of all bytes before it."""


class Refused(Exception):
    """The bundle differs from what was signed."""


class Bundle:
    """The files of a bundle, in a directory or in a zip."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip = zipfile.ZipFile(path) if path.is_file() else None

    def names(self) -> list[str]:
        if self._zip:
            return self._zip.namelist()
        return [str(path.relative_to(self._path).as_posix()) for path in self._path.rglob("*") if path.is_file()]

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(name) if self._zip else (self._path / name).open("rb")

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        with self.open(name) as file:
            for line in file:
                yield json.loads(line)

    def check_zip_signature(self, key: "Key") -> None:
        """Check that every byte of a zip is signed, also the zip's own directory."""
        if self._zip is None:
            return
        with self._path.open("rb") as file:
            file.seek(-SIGNATURE_LENGTH, 2)
            key.check(SIGNED_ZIP + digest_of_zip(self._path), file.read(), "the zip file")


def digest_of_zip(path: Path) -> bytes:
    """SHA-256 of all bytes that the zip's signature covers."""
    digest = hashlib.sha256()
    remaining = path.stat().st_size - SIGNATURE_LENGTH
    with path.open("rb") as file:
        while remaining > 0:
            part = file.read(min(remaining, 1 << 20))
            digest.update(part)
            remaining -= len(part)
    return digest.digest()


class Key:
    """A verifier key: ``name+hash+base64(01 ‖ Ed25519 public key)``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name, hash_hex, data = text.split("+", 2)
        raw = base64.b64decode(data, validate=True)
        self.hash = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        require(raw[:1] == b"\x01" and self.hash.hex() == hash_hex, f"{KEYS} contains a malformed key")
        self._public = Ed25519PublicKey.from_public_bytes(raw[1:])

    def check(self, message: bytes, signature: bytes, name: str) -> None:
        """Check a *signature* in lower-case hex only, so that each signature has exactly one text."""
        require(re.fullmatch(rb"[0-9a-f]{128}", signature) is not None, f"{name} is not signed")
        require(self.signed(message, bytes.fromhex(signature.decode())), f"{name} was altered: its signature is wrong")

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
    """Return a sentence about what the bundle proves. Raises Refused, or any error of reading a damaged file."""
    bundle = Bundle(path)
    keys = [Key(line) for line in bundle.read(KEYS).decode().splitlines()]
    require(known is None or keys[0].text == known, "it is signed by another key than the one you were given")
    bundle.check_zip_signature(keys[0])
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
    """Check the signed list of files: the bundle has exactly these files, each with its digest."""
    sums = bundle.read(SUMS)
    key.check(SIGNED_SUMS + sums, bundle.read(SIGNATURE), SUMS)
    listed = {line[66:]: line[:64] for line in sums.decode().splitlines()}
    require(sorted([*listed, SUMS, SIGNATURE]) == sorted(bundle.names()), "files are missing, or were added")
    for name, digest in listed.items():
        actual = hashlib.sha256()
        with bundle.open(name) as file:
            while part := file.read(1 << 20):
                actual.update(part)
        require(actual.hexdigest() == digest, f"{name} was altered")


def check_checkpoint(note: str, keys: list[Key]) -> tuple[int, bytes]:
    """Size and root of a signed checkpoint (c2sp.org/tlog-checkpoint)."""
    text, _, signature_lines = note.rpartition("\n\n")
    text += "\n"
    lines = [re.fullmatch(r"— (\S+) (\S+)", line) for line in signature_lines.splitlines()]
    require(bool(lines) and all(lines), "a checkpoint is not signed")
    signatures = [(line[1], base64.b64decode(line[2], validate=True)) for line in lines if line]
    known = [(key, blob[4:]) for name, blob in signatures for key in keys if (key.name, key.hash) == (name, blob[:4])]
    is_signed = bool(known) and all(key.signed(text.encode(), signature) for key, signature in known)
    require(is_signed, "a checkpoint is not signed by the log")
    origin, size, root = text.splitlines()
    # A restored log has an origin of its own, NAME/BRANCH, and the same signer.
    require(
        re.fullmatch(rf"{re.escape(known[0][0].name)}(/[0-9a-f]{{16}})?", origin) is not None,
        "a checkpoint is of another log",
    )
    return int(size), base64.b64decode(root, validate=True)


def check_entries(bundle: Bundle, size: int, root: bytes) -> tuple[int, int]:
    """Check that each entry is in the log and that none is left out; return the first number and the count."""
    proofs, first, count = bundle.lines(INCLUSION), None, 0
    with bundle.open(ENTRIES) as file:
        for line in file:
            body = line.rstrip(b"\n")
            number, proof = json.loads(body)["seq"], next(proofs)
            first = number if first is None else first
            require(number == first + count == proof["seq"], f"entry {number} is not the next one")
            path = [bytes.fromhex(node) for node in proof["path"]]
            is_included = included(leaf_hash(body), number, size, path, root)
            require(is_included, f"entry {number} is not in the log of the checkpoint")
            count += 1
    require(first is not None and next(proofs, None) is None, "there are proofs of other entries, or no entries")
    return first or 0, count


def check_older(bundle: Bundle, keys: list[Key], size: int, root: bytes) -> int:
    """Check that the log grew out of every older checkpoint in the bundle; return their count."""
    count = 0
    for proof in bundle.lines(CONSISTENCY):
        older, older_root = check_checkpoint(bundle.read(proof["checkpoint"]).decode(), keys)
        path = [bytes.fromhex(node) for node in proof["path"]]
        require(consistent(older, size, path, older_root, root), f"the log did not grow out of {proof['checkpoint']}")
        count += 1
    return count


def check_requests(bundle: Bundle) -> tuple[int, int, int]:
    """Check the sent events against their commitments; return the counts of requests, events and erased events."""
    bodies, names = bundle.lines(REQUESTS), set(bundle.names())
    requests = events = erased = 0
    for facts in bundle.lines(ENTRIES):
        for name in documents(facts):
            require(name in names, f"{name} is missing")
        if facts["kind"] == "intent":
            requests, events = requests + 1, events + facts["events"]
            erased += check_request(facts, next(bodies, {}))
    require(next(bodies, None) is None, "there are requests without an entry")
    return requests, events, erased


def documents(facts: dict[str, Any]) -> list[str]:
    """Names of the files that an entry refers to."""
    if facts["kind"] in ("rules recorded", "rules approved"):
        return [f"rules/{facts['new']}.json"]
    if facts["kind"] not in ("run", "intent"):
        return []
    return [f"{kind}/{facts[kind]}{end}" for kind, end in DOCUMENTS.items() if kind in facts]


def check_request(facts: dict[str, Any], request: dict[str, Any]) -> int:
    """Check one request, with its events in order of position; return the number of erased events."""
    number = facts["request"]
    require(request.get("request") == number, f"request {number} is missing")
    require(request.get("route") == facts.get("route"), f"the route of request {number} was altered")
    parts = [request[part].encode() for part in ("headers", "prefix", "suffix")]
    envelope = hashlib.sha256(b"\0".join(parts)).hexdigest()
    require(envelope == facts["envelope"], f"the envelope of request {number} was altered")
    commitments = [commitment(event) for event in request["events"]]
    require(len(commitments) == facts["events"], f"request {number} has another number of events")
    require(root_of(commitments).hex() == facts["commitments"], f"request {number} has other events than it had")
    sent = [event["event"] for event in request["events"] if "event" in event]
    size = len(parts[1]) + len(",".join(sent).encode()) + len(parts[2])
    require(len(sent) < len(commitments) or size == facts["bytes"], f"request {number} has another size")
    return len(commitments) - len(sent)


def commitment(event: dict[str, str]) -> bytes:
    """The leaf value of an event: SHA-256(HMAC-SHA256(salt, event) ‖ link), or the HMAC alone where there is no link.

    ``link`` commits to the order and the person, which the bundle does not show. An erased event has only its leaf
    value left.
    """
    if "commitment" in event:
        return bytes.fromhex(event["commitment"])
    of_bytes = hmac.new(bytes.fromhex(event["salt"]), event["event"].encode(), hashlib.sha256).digest()
    return hashlib.sha256(of_bytes + bytes.fromhex(event["link"])).digest() if "link" in event else of_bytes


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
    options = parser.parse_args(arguments)
    try:
        sentence, code = verify(options.bundle, options.key), 0
    except Refused as refusal:
        sentence, code = f"Refused: {refusal}.", 1
    except Exception as error:  # a damaged file can cause any error
        sentence, code = f"Refused: the bundle cannot be read ({type(error).__name__}).", 1
    print(sentence)
    return code


if __name__ == "__main__":
    sys.exit(main())
