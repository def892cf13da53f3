"""``conversions key``: another key for new orders, without losing anybody who is known under the old one."""

import os
import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli import clock
from conversions.cli.options import Config, load_settings, without_address
from conversions.cli.output import say
from conversions.errors import Exit, SettingsError, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from conversions.settings import Settings

app = typer.Typer(name="key", help="The key of ids and people.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """A group of one command is a group still."""


@app.command()
def rotate(
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", callback=without_address, help="Why; kept in the log.")],
    config: Config = None,
) -> int:
    """Make a new key in .env; the old one stays there, for people and objections that are known under it."""
    from conversions import keys
    from conversions.ledger import open_ledger, runs
    from conversions.ledger.runs import bindings

    settings = load_settings(config)
    env = _env_file(settings)
    with open_ledger(settings, clock.now) as ledger:
        runs.acquire_epoch(ledger)
        bindings.check(ledger, {"key": keys.check_value(settings.secret_key)})
        new = secrets.token_bytes(32)
        _write(env, settings, new)
        old = bindings.change(ledger, "key", keys.check_value(new), reason)
        runs.record_tree_head(ledger)
    say(
        f"{env} has a new key, {keys.check_value(new)}, in the place of {old}, which stays in CONVERSIONS_FORMER_KEYS: "
        "copy both to where you keep the key. Orders that were sent keep their ids; new ones get theirs from the new."
    )
    return Exit.OK


def _env_file(settings: "Settings") -> "Path":
    """Where the key is; one that comes from elsewhere is not ours to change."""
    from dotenv import dotenv_values

    if not settings.store_path.exists():
        raise Usage("There is no store yet, and nothing is known under the old key: put another into .env by hand.")
    env = settings.resolve(".env")
    held = dotenv_values(env).get("CONVERSIONS_KEY") if env.is_file() else None
    if held is None or held != os.environ.get("CONVERSIONS_KEY"):
        raise SettingsError(
            "The key does not come from .env beside the settings. Put a new one where CONVERSIONS_KEY is, the old one "
            "into CONVERSIONS_FORMER_KEYS beside it, then `conversions adopt --key --reason TEXT`."
        )
    return env


def _write(env: "Path", settings: "Settings", new: bytes) -> None:
    """The key itself comes last: cut short anywhere, everything is still found under the keys that are there."""
    from dotenv import set_key

    from conversions.ledger import checkpoints

    former = ",".join(key.hex() for key in [settings.secret_key, *settings.secret_former_keys])
    lines = {
        "CONVERSIONS_LOG_KEY": checkpoints.signing_seed(settings).hex(),  # which may have been made of the old key
        "CONVERSIONS_FORMER_KEYS": former,
        "CONVERSIONS_KEY": new.hex(),
    }
    for name, value in lines.items():
        set_key(env, name, value, quote_mode="never")
