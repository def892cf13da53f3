"""The interface of a storage: it finds the files of a pattern and opens each as a stream of bytes."""

import posixpath
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import takewhile
from typing import BinaryIO, Protocol

NO_FILE = "No file matches {}; correct source.path, or check why the export is missing."
CHANGED = "{} changed while it was read, so nothing is sent. When it is complete, run `conversions run`."


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is open for reading, until its context ends."""

    content: BinaryIO
    """Can seek; need not have a file descriptor."""
    modified_us: int
    """When it changed last, in microseconds UTC since 1970; 0 where the storage does not know."""
    age_seconds: float
    """How long ago that was when it was opened, by the storage's own clock where it has one."""


class StoredFile(Protocol):
    """One file, not open."""

    @property
    def name(self) -> str:
        """The shortest name that no other file of the pattern has; printable, for ``RowRejected.place``."""

    @property
    def size(self) -> int:
        """Its bytes when it was found."""

    def opened(self) -> AbstractContextManager[OpenFile]:
        """Open the file.

        Raises SourceError where it cannot be read, and SourceUnavailable at the end where it changed meanwhile: what
        was read may come from two versions.
        """


class Storage(Protocol):
    """The files that ``source.path`` names."""

    @property
    def shown(self) -> str:
        """The pattern, for messages; without a login."""

    def find(self) -> Sequence[StoredFile]:
        """Return the files that match, sorted by name. Raises SourceError where there is none."""


def common_folder(folders: Sequence[str]) -> str:
    """Return the folder that has all of *folders* in it, above those of partitions such as ``month=11``: columns."""
    parts = posixpath.commonpath(folders).split("/")
    return "/".join(takewhile(lambda part: "=" not in part, parts)) or ("/" if parts[0] == "" else "")
