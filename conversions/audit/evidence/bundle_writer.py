"""Write the files of a bundle, sign their list, and pack them into a signed zip."""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import orjson

from conversions.audit.evidence import verifier
from conversions.errors import Usage


@dataclass(slots=True)
class BundleWriter:
    """Writes the files of a bundle and records their digests."""

    home: Path
    sums: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """Write one file, line by line."""
        path, digest = self.home / name, hashlib.sha256()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with path.open("wb") as file:
            for line in lines:
                file.write(line)
                digest.update(line)
        self.sums[name] = digest.hexdigest()

    def sign(self, seed: bytes) -> None:
        """Write the list of all files with their digests, and sign it."""
        sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.sums.items())).encode()
        (self.home / verifier.SUMS).write_bytes(sums)
        (self.home / verifier.SIGNATURE).write_bytes(_signature(seed, verifier.SIGNED_SUMS + sums))


def line(value: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return orjson.dumps(value) + b"\n"


@contextmanager
def new_directory(out: Path) -> Iterator[Path]:
    """Make a temporary directory beside *out*; it is always deleted at the end. Raises Usage where *out* is there."""
    if out.exists():
        raise Usage(f"{out} is already there and stays as it is; name another one.")
    try:
        temporary = Path(mkdtemp(prefix=f".{out.name}.", dir=out.absolute().parent))
    except OSError as error:
        raise Usage(f"{out} cannot be written: {error.strerror}; name another one.") from None
    try:
        home = temporary / "bundle"
        home.mkdir(mode=0o700)
        yield home
    except OSError as error:
        raise Usage(f"{out} cannot be written: {error.strerror}; name another one.") from None
    finally:
        shutil.rmtree(temporary)


def pack(home: Path, seed: bytes) -> Path:
    """Pack *home* into a zip file that only its owner may read; the comment at its end signs all bytes before it."""
    path = home.with_suffix(".zip")
    comment = bytes(verifier.SIGNATURE_LENGTH)
    with (
        open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.comment = comment
        for member in sorted(home.rglob("*")):
            if member.is_file():
                archive.write(member, member.relative_to(home).as_posix())
    digest = verifier.digest_of_zip(path)
    with path.open("r+b") as written:
        written.seek(-len(comment), os.SEEK_END)
        written.write(_signature(seed, verifier.SIGNED_ZIP + digest))
    return path


def _signature(seed: bytes, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).sign(message).hex().encode()
