"""Where a store lies: whose it is, whether it can be read and made there, and whether the file is whole."""

import os
import stat
from pathlib import Path

from conversions.errors import LedgerError, SettingsError


def check_place(path: Path) -> None:
    """Raise SettingsError where no store could be made at *path*."""
    there = next(folder for folder in path.parents if folder.exists())
    if not there.is_dir():
        raise SettingsError(f"The store {path} cannot be made: {there} is not a directory; correct store.url.")


def check_owner(path: Path) -> None:
    """Refuse another OS user than the store's owner, before the store is opened.

    Root, too: it would leave files behind that the nightly job cannot open.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise LedgerError(f"The store {path} cannot be reached: {error.strerror}.") from None
    if not stat.S_ISREG(found.st_mode):
        raise SettingsError(f"The store {path} is not a file; correct store.url.")
    if found.st_uid != os.geteuid():
        raise SettingsError(
            f"The store {path} belongs to user {found.st_uid}, you are {os.geteuid()}; run this as its owner."
        )


def check_readable(path: Path) -> None:
    """Raise SettingsError where SQLite could not make the index beside the store that whoever reads it needs, too."""
    if not path.with_name(f"{path.name}-shm").exists() and not os.access(path.parent, os.W_OK):
        raise SettingsError(
            f"The store {path} cannot be read where it is: SQLite keeps an index beside it, and nothing can be "
            f"written to {path.parent}. Make that writable for its owner, or read a copy made by `conversions backup`."
        )


def check_whole(path: Path) -> None:
    """Raise LedgerError where the file is shorter or longer than its own header says (SQLite file format 1.3)."""
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size:
        return  # the newest pages are there still
    with path.open("rb") as file:
        header = file.read(32)
    size, page = path.stat().st_size, int.from_bytes(header[16:18], "big")
    if size == 0 or size != int.from_bytes(header[28:32], "big") * (65_536 if page == 1 else page):
        raise LedgerError(
            f"The store {path} is damaged: it has {size} bytes, and should have more or fewer. Put its newest copy "
            "back with `conversions restore FILE`."
        )


def private_directory(path: Path) -> None:
    """Make the directory, or close an empty one to others; one that is shared already is `doctor`'s to name."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.stat().st_uid == os.geteuid() and not any(path.iterdir()):
            path.chmod(0o700)
    except OSError as error:
        raise SettingsError(
            f"The store's directory {path} cannot be made: {error.strerror}; correct store.url."
        ) from None


def touch(path: Path) -> int:
    """A new file for its owner alone; its descriptor."""
    try:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        raise SettingsError(f"The store {path} cannot be made: {error.strerror}; correct store.url.") from None
