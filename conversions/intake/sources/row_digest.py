"""Keyed digests by which a later run recognises a bad row or a status; they cover no cell with an address."""

from collections.abc import Iterable
from hashlib import blake2b

from conversions.model.conversion import Reason
from conversions.model.subject import holds_address

PURPOSE = "source-content/1"
"""Purpose of the key for ``keys.derive``."""


class Digests:
    """Keyed BLAKE2b (RFC 7693), with a personalisation for each kind of content."""

    def __init__(self, key: bytes) -> None:
        self._row = blake2b(digest_size=16, key=key, person=b"bad row")
        self._status = blake2b(digest_size=8, key=key, person=b"status")

    def row(self, reason: Reason, field: str | None, cells: Iterable[str]) -> bytes | None:
        """Return 16 bytes, the same for the same *cells*; cells that contain an address are left out.

        None where no cell is left: such a row cannot be recognised again.
        """
        kept = [cell for cell in cells if cell and not holds_address(cell)]
        return _digest(self._row, reason, field or "", *kept) if kept else None

    def status(self, word: str) -> bytes:
        """Return 8 bytes, the same for the same status."""
        return _digest(self._status, word)


def _digest(keyed: blake2b, *parts: str) -> bytes:
    digest = keyed.copy()
    for part in parts:
        text = part.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(4, "big") + text)
    return digest.digest()
