"""Totals from the export of a platform's report: Google Ads, or Meta's Events Manager.

The file is somebody else's: an unreadable one is refused with a sentence, and nothing of its cells is printed but
names of conversion actions or events.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from conversions.audit.comparison.export_columns import Columns, columns_of, normalised
from conversions.audit.comparison.number import number
from conversions.audit.comparison.platform_totals import PlatformTotals
from conversions.errors import Usage
from conversions.model.conversion import Window

MAX_BYTES = 10_000_000
MAX_ROWS_BEFORE_HEADING = 20
"""A report begins with its title and its days."""
_TYPED = "Type the totals instead: `conversions audit compare --events N --value X`."
_EMPTY = {"", "-", "--", "\u2013", "\u2014"}
_TOTAL = ("total", "i alt")
_PURCHASES = {"meta": {"purchase", "purchases", "køb"}}
"""The events that this program sends, as the platform names them."""


@dataclass(frozen=True, slots=True)
class ExportQuestion:
    """Which rows of the export to add up."""

    kind: str
    """The platform: google | meta."""
    period: Window
    name: str | None = None
    """The conversion action or event; None: the only one, or the purchases."""


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    day: date | None
    events: Decimal
    value: Decimal
    currency: str | None


def read_totals(path: Path, question: ExportQuestion) -> PlatformTotals:
    """Add up the rows of the file *path* that *question* asks for. Raises Usage where they cannot be read."""
    content = _content(path)
    heading, columns, cells = _table(_text(content, path), question.kind, path)
    rows = _chosen([*_rows(cells, columns, path)], question, path)
    currencies = {row.currency for row in rows}
    if len(currencies) > 1:
        raise Usage(f"{path} has several currencies: export one conversion action in one currency. {_TYPED}")
    return PlatformTotals(
        events=sum((row.events for row in rows), Decimal()),
        value=None if columns.value is None else sum((row.value for row in rows), Decimal()),
        currency=next(iter(currencies), None),
        by_click_date=columns.by_click_date,
        file_sha256=sha256(content).hexdigest(),
        columns=tuple(heading[at] for at in columns.summed),
        without_days=columns.day is None,
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Usage(f"{path} cannot be read ({error.strerror}). {_TYPED}") from None
    if len(content) > MAX_BYTES:
        raise Usage(f"{path} is too large for a report of totals: export it by conversion action or event. {_TYPED}")
    return content


def _text(content: bytes, path: Path) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise Usage(f"{path} is neither UTF-8 nor UTF-16: download it as .csv. {_TYPED}") from None


def _table(text: str, kind: str, path: Path) -> tuple[Sequence[str], Columns, list[list[str]]]:
    """The heading, its columns, and the rows below it, with the mark between cells that finds a heading."""
    for mark in (",", "\t", ";"):
        try:
            cells = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))
        except csv.Error:
            continue
        for at, row in enumerate(cells[:MAX_ROWS_BEFORE_HEADING]):
            if columns := columns_of(row, kind):
                return row, columns, cells[at + 1 :]
    wanted = '"All conv. (by conv. time)"' if kind == "google" else '"Events received"'
    raise Usage(f"{path} has no column with the number of events, such as {wanted}. {_TYPED}")


def _rows(cells: list[list[str]], columns: Columns, path: Path) -> Iterator[_Row]:
    for at, row in enumerate(cells, 1):
        if not any(cell.strip() for cell in row) or any(normalised(cell).startswith(_TOTAL) for cell in row):
            continue
        yield _Row(
            name=_cell(row, columns.name),
            day=None if columns.day is None else _day(_cell(row, columns.day), at, path),
            events=_amount(_cell(row, columns.events), at, path),
            value=Decimal() if columns.value is None else _amount(_cell(row, columns.value), at, path),
            currency=_cell(row, columns.currency).upper() or None,
        )


def _chosen(rows: list[_Row], question: ExportQuestion, path: Path) -> list[_Row]:
    names = {normalised(row.name): row.name for row in rows}
    wanted = (
        {normalised(question.name)} if question.name else _PURCHASES.get(question.kind, set()) & {*names} or {*names}
    )
    if len(wanted) > 1 or not wanted <= {*names}:
        known = ", ".join(sorted(names.values())[:10]) or "none"
        raise Usage(f"{path} has rows of: {known}. Name the one that this program sends to with --row NAME.")
    first, last = question.period.since, question.period.until
    named = [row for row in rows if normalised(row.name) in wanted]
    chosen = [row for row in named if row.day is None or first <= row.day <= last]
    if not chosen:
        raise Usage(f"{path} has no row of {first} to {last}: export that month. {_TYPED}")
    return chosen


def _cell(row: Sequence[str], at: int | None) -> str:
    return row[at].strip() if at is not None and at < len(row) else ""


def _amount(cell: str, row: int, path: Path) -> Decimal:
    read = Decimal() if cell in _EMPTY else number(cell)
    if read is None or read < 0:
        raise Usage(f"{path} has no number in row {row} below its heading. {_TYPED}")
    return read


def _day(cell: str, row: int, path: Path) -> date:
    try:
        return date.fromisoformat(cell[:10])
    except ValueError:
        raise Usage(
            f"{path} has no day as 2026-11-29 in row {row} below its heading: export it without days, for the month "
            f"alone. {_TYPED}"
        ) from None
