"""Decodes the bytes of a text file: its byte order mark decides, then the declared encoding, then UTF-8."""

import codecs
import io
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from conversions.catalogue import APPROVE
from conversions.errors import SourceError

CANDIDATES = ("utf-16-le", "utf-16-be", "windows-1252", "cp850", "mac-roman", "windows-1250")
"""Encodings in which shops' tools write; the first in which the mapped columns are found is proposed."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""In the order in which they are tried: the mark of UTF-32 begins with that of UTF-16."""
_BUFFER_BYTES = 1 << 18
_LONE_SURROGATE = "conversions.lone_surrogate"
codecs.register_error(_LONE_SURROGATE, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to *size* bytes; none at the end."""


def open_text(stream: Readable, where: str, declared: str | None) -> TextIO:
    """Return the text of *stream*, with its line ends; the caller closes *stream*.

    Bytes that cannot be decoded become lone surrogates. Reading raises SourceError at the end of a file that is UTF-8
    although another encoding is declared: every letter outside ASCII was read wrongly.
    """
    raw = _Unclosed(stream)
    mark, encoding = _encoding(raw.head, declared or "utf-8")
    if declared and not encoding.startswith("utf-"):
        raw.check = _Utf8Check(where, declared)
    buffer = io.BufferedReader(raw, _BUFFER_BYTES)
    while mark and buffer.peek(len(mark)).startswith(mark):  # some tools write it twice
        buffer.read(len(mark))
    errors = "surrogateescape" if encoding == "utf-8" else _LONE_SURROGATE
    return io.TextIOWrapper(buffer, encoding=encoding, errors=errors, newline="")


def proposal(lines: list[str], fits: Callable[[list[str]], object]) -> str | None:
    """Return the encoding in which *lines* make sense that were read as UTF-8; None where nothing is wrong with them.

    *fits* says whether lines contain a header with the mapped columns.
    """
    raw = "".join(lines).encode("utf-8", "surrogateescape")
    if raw.isascii() and b"\0" not in raw:
        return None
    decoded = ((encoding, raw.decode(encoding, "replace")) for encoding in CANDIDATES)
    return next((encoding for encoding, text in decoded if fits(text.splitlines(keepends=True))), None)


def _encoding(head: bytes, declared: str) -> tuple[bytes, str]:
    """Return the byte order mark, if there is one, and the codec of the text."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return mark, name
    name = codecs.lookup(declared).name.removesuffix("-sig")
    if name in {"utf-16", "utf-32"}:
        # Without a mark: the first character of a header is ASCII, so its other bytes are zero.
        name = f"{name}-{'be' if head.startswith(bytes(1)) else 'le'}"
    return b"", name


class _Unclosed(io.RawIOBase):
    """A stream that its owner closes."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.check: _Utf8Check | None = None
        """Sees every piece that is read."""
        self.head = self._read(4)
        """The first bytes; they are read again."""
        self._again = self.head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill *buffer*."""
        piece, self._again = self._again[: len(buffer)], self._again[len(buffer) :]
        piece += self._read(len(buffer) - len(piece))
        if self.check:
            self.check(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    def _read(self, size: int) -> bytes:
        """Return *size* bytes, fewer only at the end; a network may bring them piece by piece."""
        data = piece = self._stream.read(size)
        while piece and len(data) < size:
            piece = self._stream.read(size - len(data))
            data += piece
        return data


class _Utf8Check:
    """Whether bytes that are declared as another encoding are in truth UTF-8 with letters outside ASCII."""

    def __init__(self, where: str, declared: str) -> None:
        self._where = where
        self._declared = declared
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._possible = True
        self._beyond_ascii = False

    def __call__(self, piece: bytes) -> None:
        """Check the next *piece*. Raises SourceError at the end, which is empty."""
        if not self._possible:
            return
        self._beyond_ascii |= not piece.isascii()
        try:
            self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError:
            self._possible = False
            return
        if not piece and self._beyond_ascii:
            raise SourceError(
                f"{self._where} is UTF-8, not {self._declared}, so nothing of it is used. Remove encoding from "
                f"[source.format], then {APPROVE}."
            )
