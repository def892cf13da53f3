"""The files of a bundle, in a directory or in a zip, and the signatures that cover every byte of them."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .ed25519 import verify
from .notes import Key
from .refusal import require

ABOUT, SUMS, SIGNATURE = "bundle.json", "SHA256SUMS", "SHA256SUMS.sig"
KEYS, CHECKPOINT, CHECKPOINTS = "log-keys.txt", "checkpoint.txt", "checkpoints/"
LEAVES, ENTRIES, OTHERS, REQUESTS = "leaf-hashes.txt", "entries.jsonl", "other-entries.jsonl", "requests.jsonl"
FORMAT = 2
"""Of the bundle; other formats have other verifiers."""
SIGNED_SUMS, SIGNED_ZIP = b"conversions/bundle/2\n", b"conversions/zip/2\n"
"""Prefixes of the signed messages, so that a signature of one kind is not valid for the other."""
SIGNATURE_LENGTH = 128
"""Hexadecimal digits. The comment of a zip is the signature of all bytes before it."""
CHUNK = 1 << 20


class Bundle:
    """The files of a bundle, in a directory or in a zip."""

    def __init__(self, path: Path) -> None:
        require(path.exists(), f"there is no bundle {path}")
        self._path = path
        self._zip = zipfile.ZipFile(path) if path.is_file() else None
        self.digests: dict[str, str] = {}
        """The SHA-256 of each file, once ``check`` has compared it."""

    def names(self) -> list[str]:
        """Every file; a name that a zip has twice comes twice."""
        if self._zip:
            return self._zip.namelist()
        return [path.relative_to(self._path).as_posix() for path in self._path.rglob("*") if path.is_file()]

    def open(self, name: str) -> IO[bytes]:
        """Open one file."""
        return self._zip.open(name) if self._zip else (self._path / name).open("rb")

    def read(self, name: str) -> bytes:
        """The content of one file."""
        with self.open(name) as file:
            return file.read()

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of one file, without their ends."""
        with self.open(name) as file:
            for line in file:
                yield line.rstrip(b"\n")

    def objects(self, name: str) -> Iterator[dict[str, Any]]:
        """The JSON object in each line of one file."""
        return map(json.loads, self.lines(name))

    def check(self, key: Key) -> None:
        """Check that *key* signed the list of files and, of a zip, every byte. Raises Refused."""
        if self._zip:
            with self._path.open("rb") as file:
                file.seek(-SIGNATURE_LENGTH, 2)
                _check_signature(key, SIGNED_ZIP + digest_of_zip(self._path), file.read(), "the zip file")
        sums = self.read(SUMS)
        _check_signature(key, SIGNED_SUMS + sums, self.read(SIGNATURE), SUMS)
        listed = {line[66:]: line[:64] for line in sums.decode().splitlines()}
        require(sorted([*listed, SUMS, SIGNATURE]) == sorted(self.names()), "files are missing, or were added")
        for name, digest in listed.items():
            require(self._digest(name) == digest, f"{name} was altered")
        self.digests = listed

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        with self.open(name) as file:
            for part in iter(lambda: file.read(CHUNK), b""):
                digest.update(part)
        return digest.hexdigest()


def digest_of_zip(path: Path) -> bytes:
    """SHA-256 of all bytes that the zip's signature covers."""
    digest, remaining = hashlib.sha256(), path.stat().st_size - SIGNATURE_LENGTH
    with path.open("rb") as file:
        while remaining > 0:
            part = file.read(min(remaining, CHUNK))
            digest.update(part)
            remaining -= len(part)
    return digest.digest()


def _check_signature(key: Key, message: bytes, signature: bytes, name: str) -> None:
    """Check a *signature* in lower-case hexadecimal only, so that each signature has exactly one text."""
    require(re.fullmatch(rb"[0-9a-f]{128}", signature) is not None, f"{name} is not signed")
    require(
        verify(key.public, message, bytes.fromhex(signature.decode())), f"{name} was altered: its signature is wrong"
    )
