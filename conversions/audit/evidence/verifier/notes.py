"""Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), and the keys that sign them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from .ed25519 import is_safe_key, verify
from .refusal import Refused, require

ED25519 = b"\x01"
"""Algorithm byte in keys and in key hashes."""
HASH_SIZE = 4
"""Bytes of the hash by which a signature names its key."""
SIGNATURE_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class Key(NamedTuple):
    """A verifier key, ``name+hash+base64(algorithm ‖ Ed25519 public key)``."""

    text: str
    name: str
    public: bytes


class Checkpoint(NamedTuple):
    """A checkpoint with a valid signature: the log *origin* had *size* entries under *root*."""

    origin: str
    size: int
    root: bytes
    signers: list[Key]


class SignatureLine(NamedTuple):
    """One signature of a note, not verified."""

    name: str
    key_hash: bytes
    value: bytes


def key_hash(name: str, public: bytes) -> bytes:
    """The first bytes of SHA-256(name ‖ newline ‖ algorithm ‖ key)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:HASH_SIZE]


def read_key(text: str) -> Key:
    """The key in *text*. Raises Refused where it is none, or is not a point of prime order."""
    name, _, rest = text.partition("+")
    hashed, _, data = rest.partition("+")
    try:
        raw = base64.b64decode(data, validate=True)
    except ValueError:
        raw = b""
    public = raw[1:]
    is_whole = raw[:1] == ED25519 and key_hash(name, public).hex() == hashed
    require(is_whole and is_safe_key(public), f"{text!r} is not a verifier key")
    return Key(text, name, public)


def open_checkpoint(content: bytes, keys: Sequence[Key], name: str) -> Checkpoint:
    """The checkpoint in *content*, signed by one of *keys*; *name* is what messages call it.

    A public key may have signed under a former name of the log. Signatures of unknown keys are ignored. Raises Refused
    where no key of *keys* signed it, or a signature of one is wrong.
    """
    try:
        text, lines = _split(content.decode())
        origin, size, root = text.splitlines()[:3]
        checkpoint = Checkpoint(origin, _size(size), base64.b64decode(root, validate=True), [])
    except ValueError:
        raise Refused(f"{name} is not a checkpoint") from None
    for line in lines:
        signers = _signers(line, text, keys, name)
        require(not signers or is_origin_of(line.name, origin), f"{name} is signed in the name of another log")
        checkpoint.signers.extend(signers)
    require(bool(checkpoint.signers), f"{name} is not signed by a key of this log")
    return checkpoint


def is_origin_of(name: str, origin: str) -> bool:
    """Whether *origin* is of the log *name*: its name, and since a restore a branch after it."""
    return re.fullmatch(rf"{re.escape(name)}(/[0-9a-f]{{16}})?", origin) is not None


def _split(note: str) -> tuple[str, list[SignatureLine]]:
    """The signed text, which ends with a newline, and the signatures. Raises ValueError where it is not a note."""
    text, _, below = note.rpartition("\n\n")
    if not below.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise ValueError("not a signed note")
    return text + "\n", [_signature(line) for line in below[:-1].split("\n")]


def _signature(line: str) -> SignatureLine:
    match = SIGNATURE_LINE.fullmatch(line)
    if not match:
        raise ValueError("not a signature of a note")
    claimed = base64.b64decode(match[2], validate=True)
    return SignatureLine(match[1], claimed[:HASH_SIZE], claimed[HASH_SIZE:])


def _size(text: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", text):
        raise ValueError("not a size")
    return int(text)


def _signers(line: SignatureLine, text: str, keys: Sequence[Key], name: str) -> list[Key]:
    """The key that made this signature, or none where it names no key of *keys*."""
    named = [key for key in keys if key_hash(line.name, key.public) == line.key_hash]
    signers = [key for key in named if verify(key.public, text.encode(), line.value)]
    require(bool(signers) or not named, f"{name} was altered: its signature is wrong")
    return signers[:1]
