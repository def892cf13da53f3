"""The interface of a driver: what differs between the storages that fsspec reaches."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from conversions.intake.sources.files.storage.pattern import Info
from conversions.intake.sources.shop_api.failures import Failure

FileSystem = Any
"""A file system of fsspec, which has no types."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells one version of a file from another."""

    size: int
    """In bytes."""
    changed: datetime | None
    """When it changed last, aware; None where the storage does not say."""
    tag: str | None = None
    """The storage's own mark of the content, such as an ETag."""


class Driver(Protocol):
    """One kind of storage."""

    @property
    def shown(self) -> str:
        """The pattern, for messages; without a login."""

    @property
    def pattern(self) -> str:
        """The pattern as a path of the file system."""

    def connect(self) -> FileSystem:
        """Return the file system. Raises SettingsError where a setting is at fault, and the driver's own errors."""

    def list(self, files: FileSystem, folder: str) -> Iterable[Info]:
        """Return what is in a folder. Raises FileNotFoundError where there is none, and the driver's own errors."""

    def state(self, files: FileSystem, path: str) -> tuple[FileState, datetime | None]:
        """Return a file's state, and the storage's own time if it tells one. Raises the driver's own errors."""

    def open(self, files: FileSystem, path: str) -> Any:
        """Return a handle with ``seek``, ``read`` and ``close``, which reads no more than it is asked for."""

    def failure(self, error: Exception) -> Failure:
        """Return what an error of the driver means; no text of the error is in it."""
