"""One cell: what a file or a database holds, as text, and what the text means. Nothing is guessed or rounded."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

from conversions.model.conversion import Reason

MAX_CELL_CHARACTERS = 131_072
"""Characters in a cell; what ``csv`` takes by default. Anything above is no cell of an order."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
_AMOUNT = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,6}0*)?")
_WHOLE = 2.0**53
"""Below it, a float that is a whole number is one number only."""


class CellError(Exception):
    """A cell that makes its row no order: which of our columns and why, never what it says."""

    def __init__(self, reason: Reason, field: str) -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


class Typed(str):
    """The text of a cell that was a number already: its point stands before decimals."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, repr=False)
class BadRecord:
    """A row whose cells cannot be told apart: why, and the pieces that there are."""

    reason: Reason
    pieces: Sequence[str]


class ParsedTime(NamedTuple):
    """When something happened."""

    at: datetime
    """Aware, UTC."""
    day: date
    """In the shop's zone."""
    ends_day: bool
    """Whether only the day is known; then ``at`` is its last second."""


def is_text(cell: str) -> bool:
    """Whether *cell* was UTF-8 to begin with: bytes that are not are read as lone surrogates. NUL is no text either."""
    return "\0" not in cell and not any("\ud800" <= character <= "\udfff" for character in cell)


def amount(text: str, field: str) -> Decimal:
    """A plain decimal with a point: at most 12 digits before it and 6 after, surplus zeros aside.

    ``DECIMAL(26,8)`` of WooCommerce's own tables writes ``29.35000000``. A comma, an exponent, a thousands separator
    or a currency sign raise Misfit: whether ``1,234`` is a thousand or one cannot be known.
    """
    text = text.strip()
    if _AMOUNT.fullmatch(text) is None:
        raise CellError(Reason.BAD_AMOUNT, field)
    return Decimal(text)


def moment(text: str, zone: ZoneInfo, field: str) -> ParsedTime:
    """An ISO 8601 instant with offset, one without in *zone*, or a day alone. Raises Misfit.

    In the night that has an hour twice a time without offset is the first of the two; in the night that lacks one it
    is moved on by the missing hour (PEP 495, fold=0): nobody bought at 02:30, but a clock that was not set said so.
    """
    text = text.strip()
    between = text[4:11:3]
    """What stands behind the year, the month and the day."""
    try:
        if between == "--":
            return _whole_day(date.fromisoformat(text), zone)
        if between in {"--T", "-- "}:
            if " " in text[11:]:
                text = text[:11] + text[11:].replace(" +", "+").replace(" -", "-")
            at = _instant(datetime.fromisoformat(text), zone)
            return ParsedTime(at, at.astimezone(zone).date(), False)
    except (ValueError, OverflowError):
        pass
    raise CellError(Reason.BAD_DATE, field)


@lru_cache(maxsize=4_096)
def _whole_day(day: date, zone: ZoneInfo) -> ParsedTime:
    return ParsedTime(first_instant(day + timedelta(days=1), zone) - timedelta(seconds=1), day, ends_day=True)


def _instant(at: datetime, zone: ZoneInfo) -> datetime:
    """In UTC. Without offset as ``at.replace(tzinfo=zone).astimezone(UTC)``, in a fifth of the time."""
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    return EPOCH + (at - _NAIVE_EPOCH - cast("timedelta", zone.utcoffset(at)))


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of *day* in *zone*, in UTC, also where the clocks change at midnight."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def texts(cells: tuple[object, ...], separator: str) -> tuple[str, ...]:
    """A row's typed cells as text."""
    return tuple([cell if type(cell) is str else plain(cell, separator) for cell in cells])


def plain(value: object, separator: str) -> str:
    """A typed cell of Parquet or a database as the text that a CSV file would hold.

    Missing is empty. A float is written as the shortest decimal that means it, a whole one without ``.0``: where some
    are missing pandas makes floats of order numbers. A list's items are joined by *separator*.
    """
    match value:
        case str() | None:
            return value or ""
        case float():
            return Typed(_shortest(value))
        case Decimal():
            return Typed(format(value, "f"))
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode("utf-8", "surrogateescape")
        case list() | tuple():
            return separator.join(plain(item, separator) for item in value)
        case _:
            return str(value)


def _shortest(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)
