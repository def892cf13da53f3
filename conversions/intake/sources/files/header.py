"""Finds the line of a table that names its columns, and the mapped columns in it."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from conversions.catalogue import APPROVE
from conversions.errors import NotAnExport
from conversions.intake.sources.files.table import MappedColumns
from conversions.intake.sources.unusable_exports import refusal

HEAD_LINES = 20
"""Lines in which a header is looked for."""
ORDER_CELLS = 5
"""Cells of an order that are hardly ever empty: number, address or products, amount, time, status."""

_EDGES = " \t\r\n\v\f\xa0\ufeff\u200b\"'"


def matched(cells: Sequence[str], wanted: frozenset[str]) -> list[str]:
    """Return the names in a header; a mapped column in other case, in quotes or with spaces gets the mapped name.

    A column that has the mapped name exactly comes first. Where several others fit, all get it, so that the mapping
    refuses the table.
    """
    names = [cell.strip() for cell in cells]
    missing = {_fold(name): name for name in wanted.difference(names)}
    return [name if name in wanted else missing.get(_fold(name), name) for name in names] if missing else names


def header_row(rows: Sequence[Sequence[str]], wanted: frozenset[str]) -> int | None:
    """Return the index of the first row that has all columns; None where there is none.

    A row above it is a title only if it has fewer cells than an order needs.
    """
    for index, row in enumerate(rows):
        if wanted.issubset(matched(row, wanted)):
            return index
        if sum(bool(cell.strip()) for cell in row) >= ORDER_CELLS:
            return None
    return None


def overlap(row: Sequence[str], wanted: frozenset[str]) -> int:
    """Return how many of the columns *row* has."""
    return len(wanted.intersection(matched(row, wanted)))


def below_orders(where: str, lines: int) -> NotAnExport:
    """Return the error about a header that is below *lines* which may be orders."""
    return NotAnExport(
        f"{where} names its columns in line {lines + 1}, below lines that may be orders. If they are none, set "
        f"skip_lines = {lines} in [source.format], then {APPROVE}; otherwise export it again."
    )


def picker(columns: MappedColumns, header: Sequence[str], where: str) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return ``columns.picker``. Raises NotAnExport where *header* lacks a column or has it twice."""
    if reason := refusal(header, complete=columns.names.issubset(header)):
        raise NotAnExport(f"{where} {reason}")
    try:
        return columns.picker(header, where)
    except NotAnExport as error:
        if columns.names.isdisjoint(header):
            hint = f"If lines stand above the header, set skip_lines in [source.format], then {APPROVE}."
            raise NotAnExport(f"{error} {hint}") from None
        raise


def _fold(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).strip(_EDGES).casefold().split())
