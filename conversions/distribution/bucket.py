"""A folder in an object store, through a driver of fsspec. A bucket with object lock keeps what it has."""

from dataclasses import dataclass
from typing import Any

from conversions.distribution.folder import OTHER_CONTENT
from conversions.transport.object_store import authorities, code_of, encrypted, endpoint, open_files
from conversions.transport.route import Route

_EXISTS = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict"})


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Bucket:
    """A folder of a bucket. The key needs the right to write only; without it to read, no copy is compared."""

    address: str
    route: Route

    @property
    def shown(self) -> str:
        """The address; it holds no login."""
        return self.address

    def deliver(self, name: str, content: bytes) -> str | None:
        """Create the object; an existing one is never overwritten."""
        try:
            files, path = self._files(), f"{self.address.partition('://')[2].rstrip('/')}/{name}"
        except ImportError:
            return f"its driver is not installed: `pip install 'conversions[s3]'`, or fsspec's of {self._scheme}"
        if self._scheme == "s3" and not encrypted(files):
            return "AWS_ENDPOINT_URL begins with http://; write https://"
        try:
            files.pipe_file(path, content, mode="create")
        except Exception as error:  # noqa: BLE001 - each driver has errors of its own
            if not (isinstance(error, FileExistsError) or code_of(error) in _EXISTS):
                return f"it cannot be written ({code_of(error) or type(error).__name__})"
            return OTHER_CONTENT.format(name) if _differs(files, path, content) else None
        return None

    @property
    def _scheme(self) -> str:
        return self.address.partition("://")[0]

    def _files(self) -> Any:
        if self._scheme == "s3":
            url = endpoint(self.address.partition("://")[2].partition("/")[0])
            return open_files(self.route, authorities(self.route, self), url)
        import fsspec

        return fsspec.filesystem(self._scheme, skip_instance_cache=True)


def _differs(files: Any, path: str, content: bytes) -> bool:
    """Whether an object has another content; False where the key may not read it: its name has the content's digest."""
    try:
        return bool(files.cat_file(path) != content)
    except Exception:  # noqa: BLE001 - each driver has errors of its own
        return False
