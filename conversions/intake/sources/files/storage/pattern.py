"""Which files of a storage match a pattern, by the rules of Python's ``glob``: `*`, `?`, `[…]`, `**`; none hidden.

The drivers' own ``glob`` leaves out a folder that cannot be listed, without an error: its orders would be missing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from glob import has_magic
from typing import Any

Info = dict[str, Any]
"""What a driver of fsspec tells of a file or folder: ``name`` is its path, ``type`` is file, directory or link."""
List = Callable[[str], Iterable[Info]]
"""Returns what is in a folder. Raises FileNotFoundError where there is no such folder."""


def split(path: str) -> tuple[str, list[str]]:
    """Return the folder above the first part of *path* with a wildcard, or above its last part; and the other parts."""
    *folders, last = path.split("/")
    plain = next((nth for nth, part in enumerate(folders) if has_magic(part)), len(folders))
    return "/".join(folders[:plain]) or "/", [*folders[plain:], last]


def files(list_folder: List, folder: str, parts: Sequence[str]) -> Iterator[Info]:
    """Yield the files below *folder* that match *parts*."""
    part, *rest = parts
    if part == "**":
        yield from files(list_folder, folder, rest or ["*"])
    try:
        entries = [*list_folder(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        name, is_folder = entry["name"].rpartition("/")[2], entry["type"] == "directory"
        if not _fits(name, part):
            continue
        if part == "**":
            if is_folder:
                yield from files(list_folder, entry["name"], parts)
        elif rest:
            if is_folder:
                yield from files(list_folder, entry["name"], rest)
        elif entry["type"] == "file":
            yield entry


def _fits(name: str, part: str) -> bool:
    """Return whether *name* matches; ``orders [1].csv`` matches itself. A folder's own entry has no name."""
    return bool(name) and (name == part or (fnmatchcase(name, part) and (name[0] != "." or part[0] == ".")))
