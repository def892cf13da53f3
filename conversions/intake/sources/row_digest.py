"""By what a bad row, or a status, is known again although it is not kept: keyed digests, in which no address is."""

from collections.abc import Iterable
from hashlib import blake2b

from conversions.model.conversion import Reason
from conversions.model.subject import holds_address

PURPOSE = "source-content/1"
"""Of the key, for ``keys.derive``."""


class Digests:
    """Keyed BLAKE2b (RFC 7693), with a personalisation for each kind of content."""

    def __init__(self, key: bytes) -> None:
        self._row = blake2b(digest_size=16, key=key, person=b"bad row")
        self._status = blake2b(digest_size=8, key=key, person=b"status")

    def row(self, reason: Reason, field: str | None, cells: Iterable[str]) -> bytes | None:
        """16 bytes: the same for the same *cells*, of which those that hold an address count for nothing.

        None where no cell is left: then nothing tells the row from others.
        """
        told = [cell for cell in cells if cell and not holds_address(cell)]
        return _digest(self._row, reason, field or "", *told) if told else None

    def status(self, word: str) -> bytes:
        """8 bytes: the same for the same status."""
        return _digest(self._status, word)


def _digest(keyed: blake2b, *parts: str) -> bytes:
    made = keyed.copy()
    for part in parts:
        text = part.encode("utf-8", "surrogatepass")
        made.update(len(text).to_bytes(4, "big") + text)
    return made.digest()
