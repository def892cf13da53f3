"""Instants in a database: the clock in which a query gets its window, and how a time without offset is read.

A column tells by its type at most whether it holds instants (``timestamptz``, MySQL's ``TIMESTAMP``) or a wall clock
(``timestamp``, ``DATETIME``), and a wall clock may be the shop's or UTC's. Every session's clock is UTC.
"""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from conversions.intake.sources.cells import first_instant
from conversions.intake.sources.mapping import FIELDS
from conversions.model.conversion import Window
from conversions.settings import Bounds, NaiveTimes

Span = tuple[datetime, datetime]
"""The first moment and the first one after the last, without offset."""

PURCHASED = FIELDS.index("purchased_at")

ROUNDING = timedelta(seconds=1)
"""SQLite's datetime() makes the last half millisecond of a day the next day's first second."""

_TIMES = (PURCHASED, FIELDS.index("completed_at"), FIELDS.index("updated_at"))
_MYSQL = frozenset({"mysql", "mariadb"})
_TIMESTAMP = 7
"""MySQL's and MariaDB's type of an instant, in every driver; it arrives in the session's clock, without offset.

DATETIME is 12. Source: MariaDB's client protocol, "Result Set Packets", read 2026-11-30.
"""
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.,]+")


def span(window: Window, zone: ZoneInfo, clock: Bounds | None) -> Span:
    """*window* in UTC or on the shop's own clock; None: so that it holds the window in either.

    The query compares it with a column that nobody here can see. What it brings from outside the window is not taken.
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
    """``:since`` and ``:until`` as each database takes them.

    A PostgreSQL that compares an instant with a column without offset takes that for the session's clock, too.
    """
    since, until = within
    match backend:
        case "postgresql" if clock != "local":
            return {"since": since.replace(tzinfo=UTC), "until": until.replace(tzinfo=UTC)}
        case "sqlite":
            # Texts compare character by character and " " comes before "T": in this way neither spelling of a column
            # compared without datetime() loses a row at either end.
            return {"since": f"{since:%Y-%m-%d %H:%M:%S}", "until": f"{until:%Y-%m-%dT%H:%M:%S}"}
        case _:
            return {"since": since, "until": until}


def in_utc(types: Sequence[object], naive_times: NaiveTimes | None, backend: str) -> frozenset[int]:
    """Which of ``FIELDS`` are UTC where they have no offset; *types* are the driver's type codes of each."""
    if naive_times == "utc":
        return frozenset(_TIMES)
    return frozenset(nth for nth in _TIMES if backend in _MYSQL and types[nth] == _TIMESTAMP)


def stated(cells: tuple[str, ...], utc: Collection[int]) -> tuple[str, ...]:
    """*cells* with the offset of those that are *utc* and do not say so."""
    if not utc:
        return cells
    return tuple([f"{cell.strip()}+00:00" if nth in utc and naive(cell) else cell for nth, cell in enumerate(cells)])


def naive(cell: str) -> bool:
    """Whether *cell* is a day and a time without offset."""
    return _NAIVE.fullmatch(cell.strip()) is not None
