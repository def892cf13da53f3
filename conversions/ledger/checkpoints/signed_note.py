"""Signed notes (c2sp.org/signed-note) with Ed25519: a text, and below it who vouches for it."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

ED25519 = b"\x01"
"""Names the algorithm in keys and in their hashes."""
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\n")


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note's text."""

    name: str
    key_hash: bytes
    """Of the key that it claims, 4 bytes."""
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was read; nothing is verified yet."""

    text: str
    """With its last line's end."""
    signatures: tuple[Signature, ...]

    def signed_by(self, name: str, public: bytes) -> bool:
        """Whether one of the signatures is that of *name*'s Ed25519 key *public*, and holds."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        claimed = (name, key_hash(name, public))
        for signature in self.signatures:
            if (signature.name, signature.key_hash) == claimed:
                try:
                    Ed25519PublicKey.from_public_bytes(public).verify(signature.value, self.text.encode())
                except (InvalidSignature, ValueError):
                    return False
                return True
        return False


def key_hash(name: str, public: bytes) -> bytes:
    """SHA-256(name ‖ newline ‖ algorithm ‖ key), its first 4 bytes: tells keys apart, proves nothing."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """What whoever verifies is given: ``name+hash+base64(algorithm ‖ key)``."""
    return f"{name}+{key_hash(name, public).hex()}+{base64.b64encode(ED25519 + public).decode()}"


def public_key(seed: bytes) -> bytes:
    """The Ed25519 public key of a private one's *seed*; both are 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(text: str, name: str, seed: bytes) -> str:
    """The note of *text*, whose last line must end, signed as *name*."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode())
    claimed = base64.b64encode(key_hash(name, public_key(seed)) + signature).decode()
    return f"{text}\n— {name} {claimed}\n"


def parse(note: str) -> Note:
    """A note's parts. Raises ValueError where it is none."""
    text, blank, below = note.rpartition("\n\n")
    lines = below.splitlines(keepends=True)
    found = [_SIGNATURE.fullmatch(line) for line in lines]
    if not blank or not lines or any(c < " " and c != "\n" for c in note):
        raise ValueError("not a signed note")
    return Note(f"{text}\n", tuple(_signature(each) for each in found))


def _signature(line: re.Match[str] | None) -> Signature:
    try:
        claimed = base64.b64decode(line[2], validate=True) if line else b""
    except binascii.Error:
        claimed = b""
    if line is None or len(claimed) <= 4:
        raise ValueError("not a signature of a note")
    return Signature(line[1], claimed[:4], claimed[4:])
