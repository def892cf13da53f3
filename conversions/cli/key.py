"""``conversions key``: rotate the secret key; orders and people stay known under the old one."""

import codecs
import os
import secrets
from typing import TYPE_CHECKING

import typer

from conversions.cli import clock
from conversions.cli.options import Config, RequiredReason, load_settings
from conversions.cli.output import say
from conversions.errors import Exit, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from conversions.settings import Settings

app = typer.Typer(
    name="key", help="Rotate the secret key of order ids and subjects.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """Makes typer treat the single command as one of a group."""


@app.command()
def rotate(
    *,
    reason: RequiredReason,
    config: Config = None,
) -> int:
    """Write a new key to .env; the old key stays there, because people and objections are known under it."""
    from conversions import keys
    from conversions.ledger import open_ledger, runs
    from conversions.ledger.runs import bindings

    settings = load_settings(config)
    env = _env_file(settings)
    with open_ledger(settings, clock.now) as ledger:
        runs.acquire_epoch(ledger)
        bindings.check_bindings(ledger, {"key": keys.check_value(settings.secret_key)})
        new = secrets.token_bytes(32)
        _write(env, settings, new)
        old = bindings.change(ledger, "key", keys.check_value(new), reason)
        runs.record_tree_head(ledger)
    say(
        f"{env} has the new key {keys.check_value(new)}. The old key, {old}, is now in CONVERSIONS_FORMER_KEYS. "
        "Copy both to where you keep the key. Orders that were sent keep their ids; new orders get ids of the new key."
    )
    return Exit.OK


def _env_file(settings: "Settings") -> "Path":
    """The .env file that holds the key. Raises SettingsError where the key comes from elsewhere."""
    from dotenv import dotenv_values

    from conversions.ledger import require_store

    require_store(settings, ", so nothing is known under the old key: replace the key in .env by hand")
    env = settings.resolve(".env")
    key = dotenv_values(env, encoding="utf-8-sig").get("CONVERSIONS_KEY") if env.is_file() else None
    if key is None or key != os.environ.get("CONVERSIONS_KEY"):
        raise SettingsError(
            "The key does not come from .env beside the settings. Set a new CONVERSIONS_KEY where it is set, add "
            "the old key to CONVERSIONS_FORMER_KEYS there, then `conversions adopt --key --reason TEXT`."
        )
    return env


def _write(env: "Path", settings: "Settings", new: bytes) -> None:
    """Write the key last: after a crash at any line, everything is still found under the keys in the file."""
    from dotenv import set_key

    from conversions.ledger import checkpoints

    former = ",".join(key.hex() for key in [settings.secret_key, *settings.secret_former_keys])
    lines = {
        "CONVERSIONS_LOG_KEY": checkpoints.signing_seed(settings).hex(),  # it may have been derived from the old key
        "CONVERSIONS_FORMER_KEYS": former,
        "CONVERSIONS_KEY": new.hex(),
    }
    encoding = "utf-8-sig" if env.read_bytes().startswith(codecs.BOM_UTF8) else "utf-8"
    for name, value in lines.items():
        set_key(env, name, value, quote_mode="never", encoding=encoding)
