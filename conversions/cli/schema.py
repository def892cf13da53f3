"""``conversions schema``: the JSON Schema of the settings files, for editors."""

from enum import StrEnum
from typing import Annotated

import typer

from conversions.cli.output import show_json


class File(StrEnum):
    """Files that have a schema."""

    SETTINGS = "settings"
    POLICY = "policy"


def schema(file: Annotated[File, typer.Argument(help="The settings file.")] = File.SETTINGS) -> None:
    """Print the JSON Schema of a settings file."""
    match file:
        case File.SETTINGS:
            from conversions.settings import Settings

            show_json(Settings.model_json_schema())
        case File.POLICY:
            from conversions.disclosure.policy import Policy

            show_json(Policy.model_json_schema())
