"""Other storages, by any installed driver of fsspec. They have not been tried."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from conversions.errors import SettingsError
from conversions.intake.sources.files.storage import network
from conversions.intake.sources.files.storage.address import Address
from conversions.intake.sources.files.storage.driver import FileState, FileSystem
from conversions.intake.sources.files.storage.pattern import Info
from conversions.intake.sources.shop_api.failures import Failure
from conversions.transport import unreachable

_DATES = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "checksum")
"""Names of the date and of the mark of the content in what drivers tell of a file."""


class Other:
    """One storage; its driver reads its credentials from the environment."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.shown = address.shown
        self.pattern = address.host + address.path

    def connect(self) -> FileSystem:
        """Return the file system. Raises SettingsError where its driver is missing."""
        scheme = self._address.scheme
        try:
            import fsspec

            return fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False)
        except (ImportError, ValueError):
            raise SettingsError(
                f"source.path begins with {scheme}://, and no driver of fsspec for it is installed. Install one beside "
                "`conversions`, or use s3:// (`conversions[s3]`) or sftp:// (`conversions[sftp]`)."
            ) from None

    def list(self, files: FileSystem, folder: str) -> Iterable[Info]:
        """Return what is in a folder."""
        return files.ls(folder, detail=True)  # type: ignore[no-any-return]

    def state(self, files: FileSystem, path: str) -> tuple[FileState, datetime | None]:
        """Return what the driver tells of a file; some tell no date."""
        info = files.info(path)
        dates = (info[name] for name in _DATES if isinstance(info.get(name), datetime))
        tags = (str(info[name]) for name in _TAGS if info.get(name))
        return FileState(info["size"], next(dates, None), next(tags, None)), None

    def open(self, files: FileSystem, path: str) -> Any:
        """Return a handle."""
        return files.open(path, "rb", cache_type="none")

    def failure(self, error: Exception) -> Failure:
        """Return what an error of an unknown driver means, by its type."""
        place = f"The storage {self._address.scheme}://{self._address.host}"
        if isinstance(error, PermissionError):
            return Failure(f"{place} refuses access. Check the credentials of its driver in .env, and their rights.")
        if isinstance(error, FileNotFoundError):
            return Failure(f"{place} has a file no more that it listed.", passing=True, wait=float("inf"))
        if found := network.not_sent(error, self._address.host, self._address.port or 443):
            return Failure(unreachable.sentence("the storage", found), passing=True)
        return Failure(f"{place} cannot be read ({type(error).__name__}).", passing=True)
