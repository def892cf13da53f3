"""Unpacks gzip and zip files while they are read; what a file begins with decides, not its name."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO

from conversions.errors import NotAnExport, SourceError
from conversions.intake.sources.files.decoding import Readable
from conversions.observe.printable import printable

MAX_RATIO, MIN_LIMIT_BYTES = 300, 1 << 26
"""A file that grows to more than the first times its size, and more than the second, is a bomb and no export.

Exports of orders shrink to a fifth or a thirtieth; deflate cannot exceed 1 to 1032.
"""

_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook (.xls) or has a password; save it as CSV UTF-8, or as .xlsx",
    b"PAR1": 'is Parquet; set source.kind = "parquet"',
    b"BZh": "is packed by bzip2; pack it as .gz or .zip, or leave it unpacked",
    b"\xfd7zX": "is packed by xz; pack it as .gz or .zip, or leave it unpacked",
    b"7z\xbc\xaf": "is packed by 7-Zip; pack it as .gz or .zip, or leave it unpacked",
    b"Rar!": "is packed by RAR; pack it as .gz or .zip, or leave it unpacked",
    b"\x28\xb5\x2f\xfd": "is packed by zstd; pack it as .gz or .zip, or leave it unpacked",
}
DAMAGED = (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile)
"""What reading a packed file raises where it is damaged."""
GZIP, ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
"""The first bytes of a packed file."""


def members(file: BinaryIO, where: str) -> Iterator[tuple[str, Readable]]:
    """Yield the name and the content of each file that *file* contains; of an unpacked one, itself.

    Raises SourceError where it cannot be unpacked, also while the content is read.
    """
    head = file.read(4)
    file.seek(0)
    if head.startswith(GZIP):
        limit = _limit(file)
        with gzip.GzipFile(fileobj=file) as unpacked:
            try:
                _require_text(unpacked, where)
            except DAMAGED:
                raise _damaged(where) from None
            yield where, _Unpacked(unpacked, where, limit)
    elif head.startswith(ZIP):
        yield from _zip_members(file, where)
    else:
        require_known(file, where)
        yield where, file


def require_known(file: BinaryIO, where: str) -> None:
    """Raise SourceError where the first bytes are those of another kind of file."""
    head = file.read(4)
    file.seek(0)
    for mark, text in _FOREIGN.items():
        if head.startswith(mark):
            raise SourceError(f"{where} {text}.")


def open_zip(file: BinaryIO, where: str) -> zipfile.ZipFile:
    """Open an archive. Raises SourceError where it is damaged, encrypted, or grows beyond all measure."""
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGED:
        raise _damaged(where) from None
    if any(info.flag_bits & 1 for info in archive.infolist()):
        raise SourceError(f"{where} is encrypted; save it without a password.")
    if sum(info.file_size for info in archive.infolist()) > _limit(file):
        raise _too_large(where)
    return archive


def _zip_members(file: BinaryIO, where: str) -> Iterator[tuple[str, Readable]]:
    with open_zip(file, where) as archive:
        if any(name.startswith("xl/") for name in archive.namelist()):
            raise SourceError(f'{where} is an Excel workbook; set source.kind = "xlsx", or save it as CSV UTF-8.')
        infos = [info for info in archive.infolist() if not (info.is_dir() or _is_hidden(info.filename))]
        if not infos:
            raise NotAnExport(f"{where} is an empty archive; remove it or export it again.")
        for info in infos:
            name = where if len(infos) == 1 else f"{where}/{printable(info.filename)}"
            yield from _zip_member(archive, info, name)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> Iterator[tuple[str, Readable]]:
    try:
        content = archive.open(info)
    except NotImplementedError:
        raise SourceError(f"{where} is packed in a way that cannot be read; pack it again, as .gz or .zip.") from None
    except DAMAGED:
        raise SourceError(f"{where} is damaged; nothing of it is used. Export it again.") from None
    with content:
        _require_text(content, where)
        yield where, _Unpacked(content, where, info.file_size)


def _require_text(content: gzip.GzipFile | IO[bytes], where: str) -> None:
    if content.read(4).startswith((GZIP, *ZIP, *_FOREIGN)):
        raise SourceError(f"{where} is packed twice, or is no text; unpack it once.")
    content.seek(0)


def _is_hidden(name: str) -> bool:
    """Return whether it is a file that macOS adds."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


def _limit(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return max(MIN_LIMIT_BYTES, MAX_RATIO * size)


def _damaged(where: str) -> SourceError:
    return SourceError(f"{where} is damaged or not complete; nothing of it is used. Export it again.")


def _too_large(where: str) -> SourceError:
    return SourceError(
        f"{where} unpacks to more than {MAX_RATIO} times its size, so it is no export of orders; nothing of it is "
        "used. Export it again, or unpack it."
    )


class _Unpacked:
    """The content of a packed file. It ends with SourceError where the file is damaged or too large."""

    def __init__(self, stream: Readable, where: str, limit: int) -> None:
        self._stream = stream
        self._where = where
        self._left = limit

    def read(self, size: int, /) -> bytes:
        """Return up to *size* bytes; none at the end."""
        try:
            piece = self._stream.read(size)
        except DAMAGED:
            raise _damaged(self._where) from None
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large(self._where)
        return piece
