"""A folder of this machine, or one that it has mounted."""

import os
from dataclasses import dataclass
from pathlib import Path

from conversions.process.durable import sync_file, sync_path

OTHER_CONTENT = "it has another file of the name {}, which was not overwritten"


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder. It must exist: a folder that is not mounted must not fill the disk below it."""

    address: str
    path: str

    @property
    def shown(self) -> str:
        """The address."""
        return self.address

    def deliver(self, name: str, content: bytes) -> str | None:
        """Write the file in one step; it is on disk when this returns."""
        target = Path(self.path) / name
        try:
            if target.exists():
                return None if target.read_bytes() == content else OTHER_CONTENT.format(name)
            _write(target, content)
        except OSError as error:
            return f"it cannot be written: {error.strerror}"
        return None


def _write(target: Path, content: bytes) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as file:
            file.write(content)
            sync_file(file)
        draft.rename(target)
        sync_path(target.parent)
    finally:
        draft.unlink(missing_ok=True)
