"""Which column is which of ours: by its name, if its cells do not contradict it, otherwise by its cells alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from conversions.intake.proposal.cell_kinds import Cells, fits, is_blank, proves
from conversions.intake.proposal.header_words import is_of_a_part, may_be_written, rank

Sureness = Literal["preset", "name_and_cells", "name", "cells"]
NEEDED = ("order_id", "email", "amount", "currency", "purchased_at", "status")
"""Our columns without which no order can be sent; ``source.currency`` may stand for that of currencies."""
_LINES = ("product_ids", "quantities", "unit_prices")
_FIELDS = (*NEEDED, "completed_at", "updated_at", "refunded", "cancelled_at", *_LINES)


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """One of our columns, and the export's column that is proposed for it."""

    field: str
    name: str
    sureness: Sureness
    others: tuple[str, ...] = ()
    """Further columns that could be meant."""


def cells_of(header: Sequence[str], rows: Sequence[tuple[str, ...]]) -> dict[str, Cells]:
    """Return the cells that are not blank of each column that may be mapped: its name is text, and only its own."""
    count = Counter(header)
    return {
        name: [row[nth].strip() if type(row[nth]) is str else row[nth] for row in rows if not is_blank(row[nth])]
        for nth, name in enumerate(header)
        if count[name] == 1 and may_be_written(name)
    }


def choose(cells: Mapping[str, Cells]) -> list[ColumnChoice]:
    """Return what is proposed for our columns, as far as anything is."""
    chosen: list[ColumnChoice] = []
    for field in _FIELDS:
        free = {name: cells[name] for name in cells if name not in {choice.name for choice in chosen}}
        if choice := _by_name(field, free) or _by_cells(field, free):
            chosen.append(choice)
    return chosen


def contradicted(cells: Mapping[str, Cells], chosen: Sequence[ColumnChoice]) -> dict[str, str]:
    """Return, by our needed column that was not found, a column whose name fits, but not its cells."""
    found = {choice.field for choice in chosen}
    return {
        field: name
        for field in (*NEEDED, "product_ids")
        for name in cells
        if field not in found and rank(field, name) is not None and fits(field, cells[name]) is False
    }


def _by_name(field: str, cells: Mapping[str, Cells]) -> ColumnChoice | None:
    ranked: list[tuple[bool, int, str]] = []
    for name, values in cells.items():
        place = rank(field, name)
        if place is not None and (fit := fits(field, values)) is not False:
            ranked.append((fit is None, place, name))
    if not ranked:
        return None
    (empty, _, name), *others = sorted(ranked, key=lambda each: each[:2])
    return ColumnChoice(
        field, name, "name" if empty else "name_and_cells", tuple(other for blank, _, other in others if not blank)
    )


def _by_cells(field: str, cells: Mapping[str, Cells]) -> ColumnChoice | None:
    """Return the only column whose cells prove it; where there are several, a person has to choose."""
    names = [name for name, values in cells.items() if not _names_another(name) and proves(field, values)]
    return ColumnChoice(field, names[0], "cells") if len(names) == 1 and not is_of_a_part(names[0]) else None


def _names_another(name: str) -> bool:
    return any(rank(field, name) is not None for field in _FIELDS)
