"""The interface of a storage: it finds the files of a pattern and opens each as a stream of bytes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is open for reading, until its context ends."""

    content: BinaryIO
    """Can seek; need not have a file descriptor."""
    modified_us: int
    """When it changed last, in microseconds UTC since 1970, by the storage's clock."""


class StoredFile(Protocol):
    """One file, not open."""

    @property
    def name(self) -> str:
        """The shortest name that no other file of the pattern has; printable, for ``RowRejected.place``."""

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

    def clock(self) -> datetime:
        """Return the present, aware, by the clock that dates the files."""
