"""Options that many commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.errors import SettingsError, Usage

if TYPE_CHECKING:
    from conversions.settings import Settings

DEFAULT_CONFIG = (Path("conversions.toml"), Path("config/conversions.toml"))
"""Where settings are looked for; the operator's own file before the example of a clone."""

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="CONVERSIONS_CONFIG",
        help=f"Settings; otherwise {DEFAULT_CONFIG[0]}, then {DEFAULT_CONFIG[1]}.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
JsonSchema = Annotated[
    int, typer.Option("--json-schema", min=1, max=2, help="1: the keys before codes; until the next minor version.")
]


def load_settings(config: Path | None) -> "Settings":
    """The settings that *config* names, or those in the usual place.

    Raises SettingsError where there are none or they cannot be used.
    """
    from conversions import settings

    return settings.load(config or _default())


def without_address(option: typer.CallbackParam, text: str | None) -> str | None:
    """*text* as it will be kept, in clear. Raises Usage where it holds an e-mail address."""
    from conversions.model.subject import holds_address

    if text and holds_address(text):
        raise Usage(f"{option.opts[0]} holds an e-mail address; it is kept in clear, so leave it out.")
    return text


ReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", callback=without_address, help="Kept in clear; without personal data."),
]
Case = Annotated[
    str | None,
    typer.Option("--case", metavar="NO", callback=without_address, help="Your case number; kept in clear."),
]


def _default() -> Path:
    found = next((path for path in DEFAULT_CONFIG if path.is_file()), None)
    if found is None:
        here = f"neither {DEFAULT_CONFIG[0]} nor {DEFAULT_CONFIG[1]} is in {Path.cwd()}"
        raise SettingsError(f"No settings: {here}. Name them with --config, or `conversions init` writes first ones.")
    return found
