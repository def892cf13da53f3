"""Writes that survive a power cut, once the function has returned."""

import os
from pathlib import Path
from typing import BinaryIO


def sync_file(file: BinaryIO) -> None:
    """Flush and fsync *file*."""
    file.flush()
    os.fsync(file.fileno())


def sync_path(path: Path) -> None:
    """Fsync *path*: a file, or a directory with the names in it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
