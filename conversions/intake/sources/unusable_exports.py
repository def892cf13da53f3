"""Recognises files that shops export beside their orders, or in their place, and says why they cannot serve."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from conversions.settings import presets

_MARKS = re.compile(r"[,;\t|]")


def refusal(header: Sequence[str], *, complete: bool) -> str | None:
    """Return why a file with *header* cannot serve, as the end of a sentence; None where it may.

    *complete* says that it has all mapped columns. The header may be one cell, where no mapped column told the
    delimiter.
    """
    names = {part.strip(" \"'").casefold() for name in header for part in (name, *_MARKS.split(name))}
    for export in _exports():
        if names.issuperset(map(str.casefold, export["columns"])) and not (complete and export.get("complete")):
            return f"is {export['what']}, which {export['lacks']}; {export['instead']}."
    return None


def hint(header: Sequence[str], present: str | None) -> str:
    """Return a sentence about the preset that *header* fits, or nothing; *present* is the one that is set."""
    preset = presets.recognise(header)
    if preset is None:
        return ""
    if preset.name == present:
        return ' Where the export has no such column, set it to "" in [source.columns].'
    return f' It looks like preset = "{preset.name}" in [source.format].'


@cache
def _exports() -> list[dict[str, Any]]:
    text = files("conversions.intake.sources").joinpath("unusable_exports.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["export"])
