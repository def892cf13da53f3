"""Files of one reading with the same bytes: a copy such as ``orders (1).csv``, or the same export twice.

A copy is no second version: its date is later than that of what it copies, so its rows would replace newer ones of
other files, and a refund in a row of its own would count twice.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

from conversions.intake.sources.files.storage.base import StoredFile

_BLOCK_BYTES = 1 << 20


def copies(files: Sequence[StoredFile]) -> dict[str, str]:
    """Return the names of the files that are copies, each with the name of its original.

    Of equal files the oldest is the original, then that with the shortest name. Only files of equal size are read.
    Raises SourceError where one of them cannot be read.
    """
    sizes = Counter(file.size for file in files)
    alike = [(_content(file), file.name) for file in files if file.size and sizes[file.size] > 1]
    found: dict[str, str] = {}
    originals: dict[bytes, str] = {}
    for (_, digest), name in sorted(alike, key=lambda each: (each[0][0], len(each[1]), each[1])):
        original = originals.setdefault(digest, name)
        if original != name:
            found[name] = original
    return found


def _content(file: StoredFile) -> tuple[int, bytes]:
    digest = blake2b()
    with file.opened() as opened:
        while block := opened.content.read(_BLOCK_BYTES):
            digest.update(block)
        return opened.modified_us, digest.digest()
