"""Addresses that are left out: orders of staff and tests, which are no sales to measure.

They stand one a line in a file that only its owner can read, and that only the intake opens. The rest of the program,
the log and an approval know their number and a keyed digest.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from conversions import keys
from conversions.errors import SettingsError
from conversions.intake.identity import SUBJECT, subject
from conversions.settings import Settings

PURPOSE = "exclusions/1"


@dataclass(frozen=True, slots=True, repr=False)
class Exclusions:
    """The people who are left out."""

    subjects: frozenset[bytes] = frozenset()
    """Their keys in the store."""
    summary: str | None = None
    """Their number and an HMAC over them; None where no file is named."""


def load_exclusions(settings: Settings) -> Exclusions:
    """Read the file in ``source.exclude_addresses``. Raises SettingsError, which names a line and never its text."""
    if settings.source.exclude_addresses is None:
        return Exclusions()
    addresses = _addresses(settings.resolve(settings.source.exclude_addresses))
    subjects = _subjects(addresses, settings.secret_key)
    # Under the first key, so that `key rotate` does not look like another list.
    digest = keys.mac(
        keys.derive(settings.first_key, PURPOSE), b"".join(sorted(_subjects(addresses, settings.first_key)))
    )
    noun = "address" if len(subjects) == 1 else "addresses"
    return Exclusions(subjects, f"{len(subjects)} {noun} (hmac {digest[:8].hex()})")


def _subjects(addresses: list[str], key: bytes) -> frozenset[bytes]:
    subject_key = keys.derive(key, SUBJECT)
    return frozenset(found for found in (subject(each, subject_key) for each in addresses) if isinstance(found, bytes))


def _addresses(path: Path) -> list[str]:
    lines = ["" if line.lstrip().startswith("#") else line.strip() for line in _lines(path)]
    for number, line in enumerate(lines, start=1):
        if line and not isinstance(subject(line, b""), bytes):
            raise SettingsError(
                f"Line {number} of {path} is no e-mail address that can be compared with those of orders: write one "
                "address a line, without a name, or begin the line with #. Nothing is sent until it is corrected."
            )
    return [line for line in lines if line]


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            _check_private(path, os.fstat(file.fileno()))
            return file.read().splitlines()
    except OSError as error:
        raise SettingsError(
            f"{path} (source.exclude_addresses): {error.strerror}. Nothing is sent without it."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} (source.exclude_addresses) is not text in UTF-8; save it in UTF-8.") from None


def _check_private(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise SettingsError(
            f"{path} holds addresses and belongs to user {status.st_uid}, you are {os.geteuid()}: run this as its "
            f"owner, or run `chown {os.geteuid()} {path}`."
        )
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"{path} holds addresses, and other users may read it; run `chmod 600 {path}`.")
