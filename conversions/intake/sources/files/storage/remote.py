"""Files elsewhere, read in ranges through a driver of fsspec; a lost connection is opened again where it broke off."""

import io
import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from glob import has_magic
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

from conversions.errors import ConversionsError, SourceError, SourceUnavailable
from conversions.intake.sources.files.storage import pattern
from conversions.intake.sources.files.storage.address import parse
from conversions.intake.sources.files.storage.base import CHANGED, NO_FILE, OpenFile, common_folder
from conversions.intake.sources.files.storage.driver import Driver, FileState, FileSystem
from conversions.intake.sources.files.storage.endings import has_ending
from conversions.intake.sources.shop_api.failures import Failure
from conversions.intake.sources.shop_api.retries import retrying
from conversions.observe.printable import printable
from conversions.settings import FileSource
from conversions.transport.route import Route

RANGE_BYTES = 1 << 20
"""Bytes of one request; a reading holds no more of a file in memory."""

T = TypeVar("T")


def open_driver(settings: FileSource, resolve: Callable[[str], Path], route: Route) -> Driver:
    """Return the driver for the address in ``source.path``. Raises SettingsError where its package is missing."""
    address = parse(settings.path)
    match address.scheme:
        case "s3":
            from conversions.intake.sources.files.storage.s3 import S3

            return S3(address, route)
        case "sftp":
            from conversions.intake.sources.files.storage.sftp import Sftp

            return Sftp(address, settings, resolve)
        case _:
            from conversions.intake.sources.files.storage.others import Other

            return Other(address)


class RemoteFiles:
    """The files of a pattern in one storage."""

    def __init__(
        self,
        driver: Driver,
        settings: FileSource,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._driver, self._settle_seconds, self._kind = driver, settings.settle_seconds, settings.kind
        self._clock, self._sleep = clock, sleep
        self._files: FileSystem = None
        self.shown = printable(driver.shown)

    def find(self) -> Sequence["RemoteFile"]:
        """Return the files that match, sorted by path. Raises SourceError where there is none."""
        sizes = self._sizes(*pattern.split(self._driver.pattern)) or self._sizes_in_folder()
        if not sizes:
            raise SourceError(NO_FILE.format(self.shown))
        root, unchanged = common_folder([posixpath.dirname(path) for path in sizes]), self._unchanged([*sizes])
        return [
            RemoteFile(self, path, printable(posixpath.relpath(path, root)), size or 0, path in unchanged)
            for path, size in sorted(sizes.items())
        ]

    def _sizes(self, folder: str, parts: Sequence[str]) -> dict[str, int | None]:
        """Return the path and the size of each file below *folder* that matches."""
        return self.ask(
            lambda files: {
                each["name"]: each["size"] for each in pattern.files(partial(self._driver.list, files), folder, parts)
            }
        )

    def _sizes_in_folder(self) -> dict[str, int | None]:
        """Return the files with the endings of the kind, where the pattern is the name of a folder, not of a file."""
        name = posixpath.basename(self._driver.pattern)
        if has_magic(self._driver.pattern) or has_ending(self._kind, name):
            return {}
        sizes = self._sizes(self._driver.pattern.rstrip("/") or "/", ["*"])
        return {path: size for path, size in sizes.items() if has_ending(self._kind, posixpath.basename(path))}

    def state(self, path: str) -> tuple[FileState, float]:
        """Return a file's state, and how many seconds ago it changed, 0 where it is unknown. Raises SourceError."""
        state, now = self.ask(lambda files: self._driver.state(files, path))
        return state, ((now or self._clock()) - state.changed).total_seconds() if state.changed else 0.0

    def open(self, path: str, state: FileState) -> BinaryIO:
        """Return the content of a file of that state."""
        return io.BufferedReader(_Ranges(self, lambda files: self._driver.open(files, path), state.size))

    def ask(self, question: Callable[[FileSystem], T]) -> T:
        """Return the answer of the storage; errors that may pass are retried. Raises SourceError."""

        def attempt() -> T | Failure:
            try:
                self._files = self._files or self._driver.connect()
                return question(self._files)
            except ConversionsError:
                raise
            except Exception as error:  # noqa: BLE001 - drivers raise what their libraries raise
                self._files = None
                return self._driver.failure(error)

        answer: T | Failure = retrying(self._sleep)(attempt)
        if isinstance(answer, Failure):
            _stop(answer)
        return answer

    def _unchanged(self, paths: Sequence[str]) -> set[str]:
        """Return the files without a date that stayed the same for ``settle_seconds``."""
        if self.state(paths[0])[0].changed is not None:
            return set()
        first = [self.state(path) for path in paths]
        self._sleep(self._settle_seconds)
        return {path for path, (state, _) in zip(paths, first, strict=True) if self.state(path)[0] == state}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file elsewhere."""

    storage: RemoteFiles
    path: str
    name: str
    size: int
    unchanged: bool
    """True for a file without a date that was the same in two listings."""

    @contextmanager
    def opened(self) -> Iterator[OpenFile]:
        """Open the file. Raises SourceError where it cannot be read, SourceUnavailable where it changes meanwhile."""
        before, age = self.storage.state(self.path)
        modified_us = int((before.changed or datetime.fromtimestamp(0, UTC)).timestamp() * 1_000_000)
        with self.storage.open(self.path, before) as content:
            yield OpenFile(content, modified_us, float("inf") if self.unchanged else age)
        if self.storage.state(self.path)[0] != before:
            raise SourceUnavailable(CHANGED.format(self.name))


class _Ranges(io.RawIOBase):
    """The bytes of one file; after a lost connection it goes on where it was."""

    def __init__(self, storage: RemoteFiles, open_handle: Callable[[FileSystem], Any], size: int) -> None:
        self._storage, self._open, self._size = storage, open_handle, size
        self._position = 0
        self._range, self._start = b"", 0
        self._handle: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        # Not left to BufferedReader, which hands small requests of a text reader through as they are.
        offset = self._position - self._start
        if not 0 <= offset < len(self._range):
            count = min(max(len(buffer), RANGE_BYTES), self._size - self._position)
            self._range = self._storage.ask(lambda files: self._read(files, count)) if count > 0 else b""
            self._start, offset = self._position, 0
        data = self._range[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._close_handle()
        super().close()

    def _read(self, files: FileSystem, count: int) -> bytes:
        try:
            self._handle = self._handle or self._open(files)
            self._handle.seek(self._position)
            return bytes(self._handle.read(count))
        except Exception:
            self._close_handle()
            raise

    def _close_handle(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(Exception):  # the connection may be gone
                handle.close()


def _stop(failure: Failure) -> NoReturn:
    kind = SourceUnavailable if failure.passing else SourceError
    next_ = "Run `conversions run` again later." if failure.passing else "Then `conversions doctor` checks it."
    raise kind(f"{failure.sentence} Nothing was sent. {next_}")
