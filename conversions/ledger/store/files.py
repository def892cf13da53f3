"""Checks of the store's file and directory: owner, access rights and file size."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from conversions.errors import LedgerError, SettingsError
from conversions.process.users import name_of


def check_location(path: Path) -> None:
    """Raise SettingsError where no store can be created at *path*."""
    parent = next(folder for folder in path.parents if folder.exists())
    if not parent.is_dir():
        raise SettingsError(f"The store {path} cannot be created: {parent} is not a directory; correct store.url.")


def check_owner(path: Path) -> None:
    """Raise SettingsError where the OS user is not the store's owner, before the store is opened.

    Root is refused, too: it would create files that the nightly job cannot open.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise LedgerError(f"The store {path} cannot be reached: {error.strerror}.") from None
    if not stat.S_ISREG(status.st_mode):
        raise SettingsError(f"The store {path} is not a file; correct store.url.")
    if status.st_uid != os.geteuid():
        raise SettingsError(
            f"The store {path} belongs to user {name_of(status.st_uid)}, you are user "
            f"{name_of(os.geteuid())}; run this as its owner."
        )


def check_readable(path: Path) -> None:
    """Raise SettingsError where SQLite cannot create the index file (``-shm``) that a reader needs, too."""
    if not path.with_name(f"{path.name}-shm").exists() and not os.access(path.parent, os.W_OK):
        raise SettingsError(
            f"The store {path} cannot be read where it is: SQLite needs an index file beside it, and {path.parent} "
            "cannot be written. Make it writable for its owner, or read a copy made by `conversions backup`."
        )


def check_file_size(path: Path) -> None:
    """Raise LedgerError where the file size differs from the size in its header (SQLite file format 1.3)."""
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size:
        return  # the newest pages are still in the WAL file
    with path.open("rb") as file:
        header = file.read(32)
    size, page = path.stat().st_size, int.from_bytes(header[16:18], "big")
    if size == 0 or size != int.from_bytes(header[28:32], "big") * (65_536 if page == 1 else page):
        raise LedgerError(
            f"The store {path} is damaged: its size ({size} bytes) is impossible. Put its newest copy back with "
            "`conversions restore FILE`."
        )


@contextmanager
def store_directory(store: Path) -> Iterator[None]:
    """Create the directory of *store*; where an error leaves it without one, nothing new is left behind."""
    new = [folder for folder in store.parents if not folder.exists()]
    private_directory(store.parent)
    try:
        yield
    except BaseException:
        if new and not store.exists():
            with suppress(OSError):
                store.with_name(f"{store.name}.lock").unlink(missing_ok=True)
                for folder in new:
                    folder.rmdir()
        raise


def private_directory(path: Path) -> None:
    """Create the directory for its owner alone, or make an empty one private; `doctor` reports a shared one."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.stat().st_uid == os.geteuid() and not any(path.iterdir()):
            path.chmod(0o700)
    except OSError as error:
        raise SettingsError(
            f"The store's directory {path} cannot be created: {error.strerror}; correct store.url."
        ) from None


def create_file(path: Path) -> int:
    """Create a file for its owner alone; return its descriptor."""
    try:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        raise SettingsError(f"The store {path} cannot be created: {error.strerror}; correct store.url.") from None
