"""What is proposed for ``[source]`` of an export, and how sure it is."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversions.errors import NotAnExport
from conversions.intake.proposal.all_columns import Kind
from conversions.intake.proposal.cell_format import counts_minor_units, date_order, decimal_mark, stated_currency
from conversions.intake.proposal.cell_kinds import TIMES, Cells, product_separator, proves
from conversions.intake.proposal.columns import NEEDED, ColumnChoice, cells_of, choose, contradicted
from conversions.intake.proposal.header_words import consents
from conversions.intake.proposal.item_rows import item_rows
from conversions.intake.proposal.sampled_table import SampledTable, read_table
from conversions.intake.sources.unparsed import MIN_ROWS_PER_WORD, may_be_shown
from conversions.intake.sources.unusable_exports import refusal
from conversions.observe.printable import printable
from conversions.settings import presets
from conversions.settings.presets import Preset

_MONEY = ("amount", "refunded", "unit_prices")


@dataclass(frozen=True, slots=True)
class Statuses:
    """The words in the column of the status."""

    words: tuple[tuple[str, int], ...]
    """Those that may be shown, with their rows, most frequent first."""
    hidden: int
    """How many others there are."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Settings of ``[source]``; only names of columns and words of statuses are from the export."""

    kind: Kind
    preset: Preset | None
    columns: tuple[ColumnChoice, ...]
    missing: tuple[str, ...]
    """Our columns that every order needs, and that were not found."""
    misnamed: Mapping[str, str]
    """By our column that was not found, a column whose name fits, but not its cells."""
    absent: tuple[str, ...]
    """Our columns that the preset maps, and the file lacks."""
    format: Mapping[str, Any]
    """Settings of ``[source.format]``."""
    open: Mapping[str, str]
    """By setting, the code of the reason why a person has to choose."""
    statuses: Statuses
    product_separator: str | None
    currency: str | None
    """That of all orders, where no column has it and the amounts state it."""
    consents: tuple[str, ...]
    """Columns that may hold the consent to ads."""
    newsletters: tuple[str, ...]
    """Columns with another consent."""
    rows: int
    found: Mapping[str, str]

    def name(self, field: str) -> str | None:
        """Return the column that is proposed for our column *field*."""
        return next((choice.name for choice in self.columns if choice.field == field), None)


def propose(path: Path) -> Proposal:
    """Return what the export at *path* needs.

    Raises SourceError where it cannot be read, NotAnExport where it cannot serve.
    """
    table, where = read_table(path), printable(path.name)
    preset = presets.recognise(table.header)
    if reason := refusal(table.header, complete=preset is not None and not _absent(preset, table)):
        raise NotAnExport(f"{where} {reason}")
    cells = cells_of(table.header, table.rows)
    columns = _preset_columns(preset, table) if preset else choose(cells)
    found = {choice.field for choice in columns}
    misnamed = contradicted(cells, columns)
    if "email" not in found and table.rows:
        raise _no_addresses(where, misnamed.get("email"))
    layout, unsure = ({}, {}) if preset else _layout(columns, table)
    marks, questions = _marks(columns, cells)
    maybe, newsletters = consents(table.header)
    return Proposal(
        kind=table.kind,
        preset=preset,
        columns=tuple(columns) if "layout" in layout or preset else tuple(_without_lines(columns)),
        missing=tuple(field for field in NEEDED if field not in found),
        misnamed=misnamed,
        absent=_absent(preset, table) if preset else (),
        format={**({"preset": preset.name} if preset else {}), **layout, **table.format, **marks},
        open={**unsure, **questions},
        statuses=_statuses(columns, cells, known=preset is not None),
        product_separator=_separator(columns, cells),
        currency=_currency(columns, cells),
        consents=tuple(maybe),
        newsletters=tuple(newsletters),
        rows=len(table.rows),
        found=table.found,
    )


def _absent(preset: Preset, table: SampledTable) -> tuple[str, ...]:
    has = presets.columns(preset, table.header)
    return tuple(field for field in preset.columns if field not in has)


def _preset_columns(preset: Preset, table: SampledTable) -> list[ColumnChoice]:
    names = {name.casefold(): name for name in table.header}
    has = presets.columns(preset, table.header)
    return [ColumnChoice(field, names[name.casefold()], "preset") for field, name in has.items()]


def _without_lines(columns: list[ColumnChoice]) -> list[ColumnChoice]:
    """Quantity and unit price are of one line; where a row is an order, they may be totals."""
    return [choice for choice in columns if choice.field not in {"quantities", "unit_prices"}]


def _no_addresses(where: str, name: str | None) -> NotAnExport:
    instead = f' (its column "{name}" holds something else)' if name else ""
    return NotAnExport(
        f"{where} has no e-mail addresses of buyers{instead}, so none of its orders can be sent; export them with "
        "the buyers' addresses."
    )


def _layout(columns: list[ColumnChoice], table: SampledTable) -> tuple[dict[str, str], dict[str, str]]:
    header = list(table.header)
    match item_rows(table.rows, {choice.field: header.index(choice.name) for choice in columns}):
        case "items":
            return {"layout": "items"}, {}
        case "items_with_amounts":
            return {"layout": "items"}, {"items_amount": "differs"}
        case _:
            lines = any(choice.field in {"quantities", "unit_prices"} for choice in columns)
            return {}, {"layout": "maybe_items"} if lines else {}


def _marks(columns: list[ColumnChoice], cells: Mapping[str, Cells]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings of the format that cells prove, and those that are open."""
    by_field = {choice.field: cells.get(choice.name, ()) for choice in columns}
    found = {
        "decimal_mark": decimal_mark(cell for field in _MONEY for cell in by_field.get(field, ())),
        "dates": date_order(by_field[field] for field in by_field if field in TIMES),
    }
    unsure = {name: str(value) for name, value in found.items() if value in {"ambiguous", "contradictory"}}
    currencies = by_field.get("currency", ())
    if currencies and not proves("currency", currencies):
        unsure["currency_aliases"] = "words"
    if counts_minor_units(by_field.get("amount", ()), currencies[0].upper() if currencies else None):
        unsure["minor_units"] = "whole"
    return {name: value for name, value in found.items() if value and name not in unsure}, unsure


def _currency(columns: list[ColumnChoice], cells: Mapping[str, Cells]) -> str | None:
    names = {choice.field: choice.name for choice in columns}
    if "currency" in names or "amount" not in names:
        return None
    return stated_currency(names["amount"], cells.get(names["amount"], ()))


def _statuses(columns: list[ColumnChoice], cells: Mapping[str, Cells], *, known: bool) -> Statuses:
    """Return the words. A column that was guessed may be another: its words are shown where several rows have them."""
    name = next((choice.name for choice in columns if choice.field == "status"), None)
    words = Counter(map(str, cells.get(name, ()))) if name else Counter[str]()
    least = 1 if known else MIN_ROWS_PER_WORD
    shown = tuple(each for each in words.most_common() if each[1] >= least and may_be_shown("status", each[0]))
    return Statuses(shown, len(words) - len(shown))


def _separator(columns: list[ColumnChoice], cells: Mapping[str, Cells]) -> str | None:
    name = next((choice.name for choice in columns if choice.field == "product_ids"), None)
    separator = product_separator(cells[name]) if name and cells.get(name) else None
    return None if separator == "|" else separator
