"""Addresses in ``store.checkpoint_to``: places outside that get a copy of each checkpoint."""

import re
import shlex
from typing import Annotated

from pydantic import BeforeValidator, SecretStr

from conversions.settings.values import ADDRESS

COMMAND = "command:"
FOLDER = re.compile(r"file:///[^?#]*")
BUCKET = re.compile(r"(s3|gs|gcs|az|abfs|abfss)://[A-Za-z0-9][A-Za-z0-9._-]*(/[^?#@:]*)?")
"""Schemes of fsspec for object stores; their keys come from the environment."""
_REFUSED = frozenset({"http", "https", "ftp", "sftp", "ssh", "smb", "webhdfs", "local", "file", "memory"})
_WRITE = (
    "write file:///FOLDER/, s3://BUCKET/FOLDER/ without a login, command:PROGRAM ARGUMENTS, or an apprise address such "
    "as mailto://…"
)


def outside_address(value: object) -> object:
    """Return an address; one of apprise as a secret, since it holds a login. Raises ValueError for any other."""
    if not isinstance(value, str):
        return value
    if value.startswith(COMMAND):
        return _command(value)
    if FOLDER.fullmatch(value) or BUCKET.fullmatch(value):
        return value
    scheme = ADDRESS.match(value)
    if scheme is None or scheme[1].lower() in _REFUSED or BUCKET.match(value):
        raise ValueError(_WRITE)
    return SecretStr(value)


def is_secret(value: object) -> bool:
    """Return whether *value* is an address that has no place in the settings file."""
    try:
        return isinstance(outside_address(value), SecretStr)
    except ValueError:
        return False


def _command(value: str) -> str:
    try:
        words = shlex.split(value.removeprefix(COMMAND))
    except ValueError:
        words = []
    if not words:
        raise ValueError(_WRITE)
    return value


OutsideAddress = Annotated[str | SecretStr, BeforeValidator(outside_address)]
