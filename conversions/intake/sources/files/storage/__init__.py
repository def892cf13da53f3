"""The storage of a source's files: it finds and opens them, and does not read their contents.

base.py      the interface
local.py     the file system of this machine
remote.py    files elsewhere, through a driver of fsspec: what all of them share
endings.py   which files of a folder are read
pattern.py   which of the files elsewhere match, as ``glob`` matches files of this machine
address.py   the parts of an address such as sftp://user@host/orders/*.csv
driver.py    the interface of what differs: connection, state of a file, meaning of errors
s3.py        object stores with the API of Amazon S3
sftp.py      servers with SFTP
others.py    other drivers of fsspec that are installed
network.py   errors of the network, as every driver may raise them
copies.py    files of one reading with the same bytes
"""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from conversions.intake.sources.files.storage.base import Storage
from conversions.settings import FileSource
from conversions.settings.values import ADDRESS
from conversions.transport.route import Route


def open_storage(
    settings: FileSource, resolve: Callable[[str], Path], clock: Callable[[], datetime], route: Route
) -> Storage:
    """Return the storage that ``source.path`` names; it opens nothing. Raises SettingsError where a driver is missing.

    *resolve* makes a path absolute, *clock* returns aware instants.
    """
    if not ADDRESS.match(settings.path):
        from conversions.intake.sources.files.storage.local import LocalFiles

        return LocalFiles(settings.path, settings.kind, resolve, clock)
    from conversions.intake.sources.files.storage.remote import RemoteFiles, open_driver

    return RemoteFiles(open_driver(settings, resolve, route), settings, clock, time.sleep)
