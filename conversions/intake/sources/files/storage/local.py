"""Files on this machine, or on a file system that it has mounted."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from conversions.errors import SourceError, SourceUnavailable
from conversions.intake.sources.files.storage.base import CHANGED, NO_FILE, OpenFile, common_folder
from conversions.intake.sources.files.storage.endings import Kind, has_ending
from conversions.observe.printable import printable


class LocalFiles:
    """The files of a glob, or of a folder."""

    def __init__(self, path: str, kind: Kind, resolve: Callable[[str], Path], clock: Callable[[], datetime]) -> None:
        """*path* may be relative; *resolve* makes it absolute. Of a folder, the files of *kind* are read."""
        self._path, self._kind, self._resolve = path, kind, resolve
        self.shown = _shown(resolve(path))
        self._clock = clock

    def find(self) -> Sequence["LocalFile"]:
        """Return the files that match, sorted by path. Raises SourceError where there is none."""
        files = sorted(path for path in self._matches() if path.is_file())
        if not files:
            raise SourceError(NO_FILE.format(self.shown))
        root = common_folder([str(path.parent) for path in files])
        return [LocalFile(path, _shown(path.relative_to(root)), path.stat().st_size, self._clock) for path in files]

    def _matches(self) -> list[Path]:
        folder = self._resolve(self._path)
        if folder.is_dir():
            return [path for path in folder.iterdir() if has_ending(self._kind, path.name)]
        return _matches(self._path, self._resolve)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of a glob."""

    path: Path
    name: str
    size: int
    clock: Callable[[], datetime]

    @contextmanager
    def opened(self) -> Iterator[OpenFile]:
        """Open the file. Raises SourceError where it cannot be read, SourceUnavailable where it changes meanwhile."""
        try:
            with self.path.open("rb") as file:
                before = os.fstat(file.fileno())
                age = self.clock().timestamp() - before.st_mtime
                yield OpenFile(file, before.st_mtime_ns // 1_000, age)
                after = os.fstat(file.fileno())
        except OSError as error:
            raise SourceError(f"{self.name} cannot be read: {error.strerror}.") from None
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise SourceUnavailable(CHANGED.format(self.name))


def _matches(path: str, resolve: Callable[[str], Path]) -> list[Path]:
    """Return the matches of the settings' glob. A parent directory such as ``shop [1]`` is not a pattern."""
    if resolve(path).is_file():
        return [resolve(path)]
    parts = Path(path).parts
    plain = list(takewhile(lambda part: not glob.has_magic(part), parts))
    pattern = Path(glob.escape(str(resolve(str(Path(*plain))))), *parts[len(plain) :])
    return [Path(match) for match in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207


def _shown(path: Path) -> str:
    """Return the path as text that can be printed and stored, also where it contains invalid UTF-8."""
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))
