"""Options that many commands share."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.errors import SettingsError, Usage

if TYPE_CHECKING:
    from conversions.settings import Settings

DEFAULT_CONFIG = (Path("conversions.toml"), Path("config/conversions.toml"))
"""Places of the settings: the operator's own file comes before the example of a clone."""

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="CONVERSIONS_CONFIG",
        help=f"Settings file; default {DEFAULT_CONFIG[0]}, then {DEFAULT_CONFIG[1]}.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
JsonSchema = Annotated[
    int,
    typer.Option(
        "--json-schema", min=1, max=2, help="1: with the keys and texts before 0.2, until the next minor version."
    ),
]


def load_settings(config: Path | None) -> "Settings":
    """The settings in *config*, or in the default place.

    Raises SettingsError where there are none, they are not valid, or secrets or store belong to another user: root's
    files would stop the nightly job, too.
    """
    from conversions import settings

    path = (config or _default()).absolute()
    _refuse_other_user(path, path.with_name(".env"))
    loaded = settings.load(path)
    _refuse_other_user(path, loaded.store_path)
    return loaded


def _refuse_other_user(config: Path, file: Path) -> None:
    from conversions.process import users

    owner = users.other_owner(file)
    if owner is not None:
        command = users.command_as(owner, _with_config(sys.argv[1:], config))
        own = f"sudo chown {os.geteuid()} {shlex.quote(str(file))}"
        raise SettingsError(
            f"{file} belongs to user {users.name_of(owner)}, you are user {users.name_of(os.geteuid())}. Only its "
            f"owner may use it. Run: `{command}`" + ("." if owner else f" (or, if it is yours, `{own}`).")
        )


def _with_config(arguments: list[str], config: Path) -> list[str]:
    """*arguments* with the settings' absolute path, since `sudo` passes no environment on."""
    words = list(arguments)
    place = next((i for i, word in enumerate(words) if word == "--config"), None)
    if place is not None:
        del words[place : place + 2]
    words = [word for word in words if not word.startswith("--config=")]
    end = words.index("--") if "--" in words else len(words)
    return [*words[:end], "--config", str(config), *words[end:]]


def _without_address(option: typer.CallbackParam, text: str | None) -> str | None:
    """*text* unchanged, since it is kept in clear. Raises Usage where it may contain an e-mail address."""
    from conversions.model.subject import holds_address

    if text and holds_address(text):
        raise Usage(
            f"{option.opts[0]} contains an at sign, as e-mail addresses do. Write it without: the store and the log "
            "keep this text in clear."
        )
    return text


def _kept_text(option: typer.CallbackParam, text: str | None) -> str | None:
    """*text* unchanged. Raises Usage where it is blank, or may contain an e-mail address."""
    from conversions.model.subject import is_readable

    if text is not None and not is_readable(text):
        raise Usage(f"{option.opts[0]} is blank or no UTF-8: auditors read it. Write words.")
    return _without_address(option, text)


ReasonOption = Annotated[
    str | None,
    typer.Option(
        "--reason", metavar="TEXT", callback=_kept_text, help="Why; the log keeps it in clear, so name no person."
    ),
]
RequiredReason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", callback=_kept_text, help="Why; kept in the log.")
]
PromptedReason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", prompt=True, callback=_kept_text, help="Why; kept in the log.")
]
Case = Annotated[
    str | None,
    typer.Option("--case", metavar="NO", callback=_kept_text, help="Your case number; the log keeps it in clear."),
]
ResponsiblePerson = Annotated[
    str, typer.Option("--by", metavar="NAME", callback=_kept_text, help="The person responsible.")
]
FirstApprover = Annotated[
    str | None,
    typer.Option("--approved-by", metavar="NAME", callback=_without_address, help="Who approves the first settings."),
]
"""Texts that are kept in clear have one of these types; a test tries every option of every command."""


def _default() -> Path:
    path = next((path for path in DEFAULT_CONFIG if path.is_file()), None)
    if path is None:
        places = f"neither {DEFAULT_CONFIG[0]} nor {DEFAULT_CONFIG[1]} is in {Path.cwd()}"
        raise SettingsError(
            f"No settings: {places}. Name the file with --config, or write one with `conversions init`."
        )
    return path
