"""Parses one cell of a file or a database. It never guesses or rounds a value."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

from conversions.intake.sources.cells.english_times import english_time
from conversions.model.conversion import Reason

MAX_CELL_CHARACTERS = 131_072
"""The default limit of ``csv``; a longer cell cannot belong to an order."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PLAIN_AMOUNT = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,6}0*)?")
SPACES = str.maketrans(dict.fromkeys("\u00a0\u202f\u2007\u2009", " "))
"""Spaces that do not break a line, or are narrow: programs write them into numbers and before AM."""

_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
_MAX_EXACT_FLOAT = 2.0**53
"""Below it, a float that is a whole number stands for one number only."""


class CellError(Exception):
    """A cell that makes its row unusable: our column and the reason, without the cell's content."""

    def __init__(self, reason: Reason, field: str) -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


class NumberText(str):
    """Text of a cell that the source stores as a number: the digits after its point are decimals."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, repr=False)
class BadRecord:
    """A row that cannot be split into its cells: the reason, and the pieces of its text."""

    reason: Reason
    pieces: Sequence[str]
    number: str | None = None
    """What stands where its order number should be; None where other cells before it may have moved it."""


@dataclass(frozen=True, slots=True, repr=False)
class BadOrder:
    """An order of several rows that cannot be read: the reason, and texts by which a later run recognises it."""

    reason: Reason
    pieces: Sequence[str]
    number: str
    field: str | None = None
    """Our name of the column at fault; None where a whole row is at fault."""


class ParsedTime(NamedTuple):
    """The time in a cell."""

    at: datetime
    """Aware, UTC."""
    day: date
    """In the shop's zone."""
    ends_day: bool
    """True where only the day is known; then ``at`` is its last second."""


def is_text(cell: str) -> bool:
    """Return whether *cell* was valid UTF-8 without NUL. Invalid bytes are read as lone surrogates."""
    return "\0" not in cell and not any("\ud800" <= character <= "\udfff" for character in cell)


def parse_amount(text: str, field: str) -> Decimal:
    """Parse a plain decimal with a point: at most 12 digits before it and 6 after it, without trailing zeros.

    WooCommerce's own tables write ``29.35000000`` (``DECIMAL(26,8)``). Raises CellError for a comma, an exponent, a
    thousands separator or a currency sign: ``1,234`` may be a thousand or one.
    """
    text = text.strip()
    if PLAIN_AMOUNT.fullmatch(text) is None:
        raise CellError(Reason.BAD_AMOUNT, field)
    return Decimal(text)


def parse_time(text: str, zone: ZoneInfo, field: str) -> ParsedTime:
    """Parse an ISO 8601 instant with offset, one without offset in *zone*, or a day alone. Raises CellError.

    Times with the English name of a month are parsed, too (``english_times``).

    Where the clocks go back, a time without offset is the first of the two possible ones. Where the clocks go forward,
    a missing time such as 02:30 is moved on by one hour (PEP 495, fold=0): the shop's clock was not set.
    """
    text = text.strip()
    separators = text[4:11:3]  # the characters after year, month and day
    try:
        if separators == "--":
            return _whole_day(date.fromisoformat(text), zone)
        # Python reads 13.30 as 13 hours and a fraction of a second.
        if separators in {"--T", "-- "} and "." not in text[13:17] and "," not in text[13:17]:
            if " " in text[11:]:
                text = text[:11] + text[11:].replace(" +", "+").replace(" -", "-")
            return _parsed(datetime.fromisoformat(text), zone)
        if named := english_time(text):
            at, day_alone = named
            return _whole_day(at.date(), zone) if day_alone else _parsed(at, zone)
    except (ValueError, OverflowError):
        pass
    raise CellError(Reason.BAD_DATE, field)


def _parsed(stated: datetime, zone: ZoneInfo) -> ParsedTime:
    at = _instant(stated, zone)
    return ParsedTime(at, at.astimezone(zone).date(), False)


@lru_cache(maxsize=4_096)
def _whole_day(day: date, zone: ZoneInfo) -> ParsedTime:
    return ParsedTime(first_instant(day + timedelta(days=1), zone) - timedelta(seconds=1), day, ends_day=True)


def _instant(at: datetime, zone: ZoneInfo) -> datetime:
    """Convert *at* to UTC. Without offset: ``at.replace(tzinfo=zone).astimezone(UTC)`` in a fifth of the time."""
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    return EPOCH + (at - _NAIVE_EPOCH - cast("timedelta", zone.utcoffset(at)))


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of *day* in *zone*, in UTC, also where the clocks change at midnight."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def as_texts(cells: tuple[object, ...], separator: str) -> tuple[str, ...]:
    """Return a row's typed cells as text."""
    return tuple([cell if type(cell) is str else as_text(cell, separator) for cell in cells])


def as_text(value: object, separator: str) -> str:
    """Return a typed cell of Parquet or a database as the text that a CSV file would contain.

    A missing value is empty. A float becomes its shortest decimal, a whole one without ``.0``: pandas turns order
    numbers into floats where some are missing. The items of a list are joined by *separator*; a list of numbers is a
    number by its type, too.
    """
    match value:
        case str() | None:
            return value or ""
        case float():
            return NumberText(_shortest(value))
        case Decimal():
            return NumberText(format(value, "f"))
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode("utf-8", "surrogateescape")
        case list() | tuple():
            items = [as_text(item, separator) for item in value]
            text = separator.join(items)
            return NumberText(text) if items and all(isinstance(item, NumberText) for item in items) else text
        case _:
            return str(value)


def _shortest(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < _MAX_EXACT_FLOAT else repr(value)
