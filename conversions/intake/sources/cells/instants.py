"""Instants in a database: the values of ``:since`` and ``:until``, and how a time without offset is read.

The type of a column shows at most whether it contains instants (``timestamptz``, MySQL's ``TIMESTAMP``) or wall-clock
times (``timestamp``, ``DATETIME``). Wall-clock times may be the shop's or UTC. Every session's clock is UTC.
"""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from conversions.intake.sources.cells.cells import first_instant
from conversions.intake.sources.fields import FIELDS
from conversions.model.conversion import Window
from conversions.settings import Bounds, NaiveTimes

Span = tuple[datetime, datetime]
"""First moment, and first moment after the end, both without offset."""

PURCHASED_AT = FIELDS.index("purchased_at")

ROUNDING = timedelta(seconds=1)
"""SQLite's datetime() rounds the last half millisecond of a day up to the next day's first second."""

_TIMES = (PURCHASED_AT, FIELDS.index("completed_at"), FIELDS.index("updated_at"))
_MYSQL = frozenset({"mysql", "mariadb"})
_TIMESTAMP = 7
"""Type code of an instant in MySQL and MariaDB, in every driver; values come in the session's clock, without offset.

DATETIME is 12. Source: MariaDB's client protocol, "Result Set Packets", read 2026-11-30.
"""
_NAIVE = re.compile(
    r"\d{1,4}[-./] ?\d{1,2}[-./] ?\d{1,4}(?:T|,? +(?:kl\.? *)?)\d{1,2}[:.]\d\d[\d:.,]*(?: ?[AaPp]\.?[Mm]\.?)?"
    r"|\d{5}[.,]\d+",
    re.ASCII,
)
"""Any day and time that ``Times`` reads; the last are days of Excel with a fraction."""


def span(window: Window, zone: ZoneInfo, clock: Bounds | None) -> Span:
    """Return *window* in UTC or on the shop's own clock; with None the span that covers both.

    The query compares it with a column of unknown clock. The run skips rows outside the window afterwards.
    """
    days = (window.since, window.until + timedelta(days=1))
    since, until = (first_instant(day, zone).replace(tzinfo=None) for day in days)
    first, end = (datetime.combine(day, time()) for day in days)
    match clock:
        case "utc":
            return since, until
        case "local":
            return first, end
        case None:
            return min(since, first), max(until, end) + ROUNDING


def bounds(within: Span, clock: Bounds | None, backend: str) -> dict[str, object]:
    """Return ``:since`` and ``:until`` in the form that each database needs.

    PostgreSQL reads a column without offset in the session's clock when a query compares it with an instant.
    """
    since, until = within
    match backend:
        case "postgresql" if clock != "local":
            return {"since": since.replace(tzinfo=UTC), "until": until.replace(tzinfo=UTC)}
        case "sqlite":
            # SQLite compares texts by character, and " " sorts before "T". With these two forms a query without
            # datetime() loses no row at either end, in both spellings of a time.
            return {"since": f"{since:%Y-%m-%d %H:%M:%S}", "until": f"{until:%Y-%m-%dT%H:%M:%S}"}
        case _:
            return {"since": since, "until": until}


def in_utc(types: Sequence[object], naive_times: NaiveTimes | None, backend: str) -> frozenset[int]:
    """Return the indexes of ``FIELDS`` that are UTC where a cell has no offset; *types* are the driver's type codes."""
    if naive_times == "utc":
        return frozenset(_TIMES)
    return frozenset(nth for nth in _TIMES if backend in _MYSQL and types[nth] == _TIMESTAMP)


def with_offsets(cells: tuple[str, ...], utc: Collection[int]) -> tuple[str, ...]:
    """Return *cells* with offset +00:00 added to times without offset in the *utc* columns."""
    if not utc:
        return cells
    return tuple([f"{cell.strip()}+00:00" if nth in utc and is_naive(cell) else cell for nth, cell in enumerate(cells)])


def is_naive(cell: str) -> bool:
    """Return whether *cell* is a day and a time without offset."""
    return _NAIVE.fullmatch(cell.strip()) is not None
