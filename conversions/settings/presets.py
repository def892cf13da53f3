"""Exports that are known by their header: what their columns mean, and how their rows and cells are written.

The settings name one as ``preset`` in ``[source.format]``. It is resolved when settings are loaded, so that everything
else, approvals too, sees the columns that apply.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel

_NEEDED = ("order_id", "email", "amount", "purchased_at", "status")


@dataclass(frozen=True, slots=True)
class Preset:
    """One export of a shop system or a plug-in; docs/export-presets.md names the source of each."""

    name: str
    columns: Mapping[str, str]
    """The export's name for each of our columns."""
    format: Mapping[str, Any]
    """Settings of ``[source.format]``."""
    completed: tuple[str, ...]
    """Statuses of a finished sale; empty where the shop chooses or translates the words."""
    marks: tuple[str, ...]
    """Columns that are not mapped, by which the export is recognised."""
    order_prefix: str
    """What may stand before an order number, or be missing."""

    def fits(self, header: Sequence[str]) -> bool:
        """Return whether *header* is this export's, in any case; further columns and missing optional ones are fine."""
        return _folded(header).issuperset(_folded([*(self.columns[field] for field in _NEEDED), *self.marks]))


@cache
def known() -> Mapping[str, Preset]:
    """Return the presets by name."""
    tables = tomllib.loads(files("conversions.settings").joinpath("presets.toml").read_text(encoding="utf-8"))
    return {name: _preset(name, table) for name, table in tables.items()}


def recognise(header: Sequence[str]) -> Preset | None:
    """Return the preset whose columns *header* has; None where it is no known export."""
    return next((preset for preset in known().values() if preset.fits(header)), None)


def columns(preset: Preset, header: Sequence[str] | None = None) -> dict[str, str]:
    """Return the preset's mapping; with *header*, without the optional columns that the file lacks."""
    names = _folded([*preset.columns.values()] if header is None else header)
    return {field: name for field, name in preset.columns.items() if name.casefold() in names}


def resolve(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table ``[source]`` with what its preset says, where the operator does not say otherwise.

    An empty text as a column's name takes the preset's column out. A name that is no preset is left to validation.
    """
    chosen = _plain(source.get("format"))
    preset = known().get(str(chosen.get("preset")))
    if preset is None:
        return dict(source)
    own = _plain(source.get("columns"))
    mapped = {field: name for field, name in {**preset.columns, **own}.items() if name}
    if source.get("currency") is not None and not own.get("currency"):
        mapped.pop("currency", None)
    completed = {"completed": list(preset.completed)} if preset.completed else {}
    return {**completed, **source, "columns": mapped, "format": {**preset.format, **chosen}}


def _folded(names: Sequence[str]) -> set[str]:
    return {name.strip().casefold() for name in names}


def _plain(table: object) -> dict[str, Any]:
    """Return a table as it was written, also where it was validated before."""
    if isinstance(table, BaseModel):
        return table.model_dump(exclude_unset=True)
    return dict(table) if isinstance(table, Mapping) else {}


def _preset(name: str, table: Mapping[str, Any]) -> Preset:
    return Preset(
        name,
        table["columns"],
        table.get("format", {}),
        tuple(table.get("completed", ())),
        tuple(table.get("marks", ())),
        table.get("order_prefix", ""),
    )
