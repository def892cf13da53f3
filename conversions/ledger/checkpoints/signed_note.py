"""Signed notes (c2sp.org/signed-note) with Ed25519: a text and its signatures."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

ED25519 = b"\x01"
"""Algorithm byte in keys and in key hashes."""
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\n")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_hash: bytes
    """Hash of the claimed key, 4 bytes."""
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note; its signatures are not verified."""

    text: str
    """Ends with a newline."""
    signatures: tuple[Signature, ...]

    def signed_by(self, name: str, public: bytes) -> bool:
        """Whether the note has a valid signature of *name* with the Ed25519 key *public*."""
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
    """First 4 bytes of SHA-256(name ‖ newline ‖ algorithm ‖ key): they tell keys apart and prove nothing."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """The verifier key, for auditors: ``name+hash+base64(algorithm ‖ key)``."""
    return f"{name}+{key_hash(name, public).hex()}+{base64.b64encode(ED25519 + public).decode()}"


def public_key(seed: bytes) -> bytes:
    """The Ed25519 public key of a private key's *seed*; both are 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(text: str, name: str, *seeds: bytes) -> str:
    """Sign *text*, which must end with a newline, as *name*, with each of *seeds* in this order."""
    lines = [f"— {name} {base64.b64encode(_signed(text, name, seed)).decode()}\n" for seed in seeds]
    return f"{text}\n{''.join(lines)}"


def _signed(text: str, name: str, seed: bytes) -> bytes:
    """Hash of the key and signature."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return key_hash(name, public_key(seed)) + Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode())


def parse(note: str) -> Note:
    """Parse a note. Raises ValueError where it is not a signed note."""
    text, blank, below = note.rpartition("\n\n")
    lines = below.splitlines(keepends=True)
    signatures = [_SIGNATURE.fullmatch(line) for line in lines]
    if not blank or not lines or any(c < " " and c != "\n" for c in note):
        raise ValueError("not a signed note")
    return Note(f"{text}\n", tuple(_signature(line) for line in signatures))


def _signature(line: re.Match[str] | None) -> Signature:
    try:
        claimed = base64.b64decode(line[2], validate=True) if line else b""
    except binascii.Error:
        claimed = b""
    if line is None or len(claimed) <= 4:
        raise ValueError("not a signature of a note")
    return Signature(line[1], claimed[:4], claimed[4:])
