"""Loads ``Settings`` from the file, the ``.env`` beside it and the environment, and explains mistakes."""

import io
import os
import shlex
import stat
import tomllib
from pathlib import Path
from typing import Any

from dotenv import load_dotenv
from pydantic import ValidationError

from conversions.errors import SettingsError
from conversions.process import text_files
from conversions.settings.outside_address import is_secret
from conversions.settings.settings import Settings

SECRETS = frozenset(
    {
        "key",
        "former_keys",
        "log_key",
        "former_log_keys",
        "access_token",
        "consumer_key",
        "consumer_secret",
        "client_secret",
        "app_secret",
        "password",
        "key_passphrase",
        "heartbeat_url",
        "alerts",
        "proxy_user",
        "proxy_password",
    }
)


def load(path: Path) -> Settings:
    """Read *path*, the ``.env`` beside it and the environment.

    Raises SettingsError with one line per mistake, which names the key and never a value; also where another user may
    change the file.
    """
    try:
        tables = tomllib.loads(text_files.read(path))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}. `conversions init` writes a first one.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    _refuse_secrets(tables, path)
    _load_credentials()
    _load_env_file(path.parent / ".env")
    try:
        settings = Settings(**tables)
    except ValidationError as error:
        raise SettingsError(_sentence(path, error)) from None
    settings._file = path.resolve()  # noqa: SLF001
    return settings


def _refuse_secrets(table: dict[str, Any], path: Path) -> None:
    for name, value in table.items():
        if name in SECRETS or (name == "checkpoint_to" and isinstance(value, list) and any(map(is_secret, value))):
            raise SettingsError(
                f"{path} holds a secret ({name}); move it to .env beside it, mode 0600, and replace it."
            )
        if isinstance(value, dict):
            _refuse_secrets(value, path)


def _load_credentials() -> None:
    """Load the file that systemd passes by ``LoadCredential=conversions.env:…`` (systemd.exec(5))."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if directory:
        _load(Path(directory) / "conversions.env")


def _load_env_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(path, error) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(
            f"{path} holds secrets, and other users may read it; run `chmod 600 {shlex.quote(str(path))}`."
        )
    _load(path)


def _load(path: Path) -> None:
    try:
        load_dotenv(stream=io.StringIO(text_files.read(path)), override=False)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{path}: {error.strerror}. Run this as its owner, as `conversions run` is.")


SHAPES = {
    r"^\d{10}$": "must be ten digits, without hyphens or spaces",
    r"^\d{1,20}$": "must be digits only, without hyphens or spaces",
    r"^[a-z]{2}$": 'must be two small letters, such as "da"',
    r"^https://[^?#]+$": "must be an address that begins with https://, without ? and #",
    r"^https?://\S+$": "must be an address that begins with https://",
    r"^sqlite:///.+": "must be sqlite:/// and a path",
    r"^v\d+\.\d+$": 'must be a version, such as "v26.0"',
}
"""What the patterns of the settings mean, in words."""


def _sentence(path: Path, error: ValidationError) -> str:
    """One line per mistake."""
    kinds = ("google", "meta", "csv", "parquet", "xlsx", "sql", "sql query", "sql preset", "woocommerce", "shopify")
    lines = []
    for mistake in error.errors(include_url=False, include_input=False):
        where = [str(part) for part in mistake["loc"]]
        where = [
            part for i, part in enumerate(where) if not (i and part in kinds and i >= 1 + (where[0] == "destinations"))
        ]
        text = mistake["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        if mistake["type"] == "extra_forbidden":
            text = "is not a setting; is it a typo? `conversions schema` lists all settings"
        elif mistake["type"] == "string_pattern_mismatch":
            pattern = mistake["ctx"]["pattern"]
            text = SHAPES.get(pattern, f"must have the shape {pattern}")
        lines.append(f"{'.'.join(where) or 'settings'}: {text}")
    return f"{path} cannot be used.\n  " + "\n  ".join(lines)


def environment_names() -> list[str]:
    """Return the ``CONVERSIONS_*`` names that are set in the environment."""
    return sorted(name for name in os.environ if name.startswith("CONVERSIONS_"))
