"""What a run would make of the source: a sample is read as a run reads it, and nothing of it is kept or sent."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from secrets import token_bytes

from conversions.conversion import PRODUCT_ID, Reason, Window
from conversions.currency import exponent
from conversions.doctor.finding import Finding, note, problem
from conversions.identity import identify
from conversions.order import Order, RowRejected
from conversions.sources.advice import advice, why
from conversions.sources.base import Source
from conversions.sources.unread import Unread

ENOUGH = 1_000
"""Rows of the window after which no more are read."""
FEW = 3
"""Orders; that fewer are all held back says nothing of the mapping (issue 10, M1)."""

_NOBODYS_KEY = token_bytes(32)
"""Whoever is found under it is not kept."""


@dataclass(slots=True)
class Sample:
    """Rows as a run would read them: how many, and against how many of them what speaks."""

    rows: int = 0
    orders: int = 0
    unreadable: Counter[tuple[Reason, str | None]] = field(default_factory=Counter)
    """By reason and our column."""
    doubtful: Counter[str] = field(default_factory=Counter)
    """By our column: orders whose amounts may be thousands."""
    settled: set[str] = field(default_factory=set)
    held_back: Counter[Reason] = field(default_factory=Counter)
    sendable: int = 0
    days: set[date] = field(default_factory=set)
    """The first and the last that were seen, in the window or not."""

    def take(self, rows: list[Order | RowRejected], window: Window) -> None:
        """Look at *rows*, of which orders outside the *window* tell their day only."""
        for row in rows:
            if isinstance(row, RowRejected):
                self.rows += 1
                self.unreadable[row.reason, row.field] += 1
            elif window.since <= row.window_day <= window.until:
                self.rows += 1
                self._take(row)
        seen = self.days | {row.window_day for row in rows if isinstance(row, Order)}
        self.days = {min(seen), max(seen)} if seen else set()

    def _take(self, order: Order) -> None:
        self.orders += 1
        self.settled.update(order.settles)
        self.doubtful.update(one.field or "" for one in order.doubts)
        against = list(_against(order))
        self.sendable += not against
        self.held_back.update(against)


def _against(order: Order) -> Iterator[Reason]:
    """What speaks against sending it that settings or the export may be the cause of; choices of buyers never are."""
    if not order.completed:
        yield Reason.NOT_COMPLETED
    if isinstance(found := identify(order.email, _NOBODYS_KEY), Reason):
        yield found
    if exponent(order.currency) is None:
        yield Reason.UNKNOWN_CURRENCY
    if not all(map(PRODUCT_ID.fullmatch, order.product_ids)):
        yield Reason.BAD_PRODUCT_ID
    elif not order.product_ids:
        yield Reason.NO_PRODUCT


def findings(source: Source, window: Window) -> Iterator[Finding]:
    """What would not be read, or not be sent. Raises SourceError."""
    found = _read(source, window)
    if not found.orders and found.days:
        # Nothing of these days is there: what is there tells as much of the mapping.
        since, until = min(found.days), max(found.days)
        yield note("source", f"No order of {window.since} to {window.until} is there, only of {since} to {until}.")
        found = _read(source, Window(since, until))
    yield from _unreadable(found, source.unread)
    yield from _held_back(found, source.unread)


def _read(source: Source, window: Window) -> Sample:
    found, chunks = Sample(), source.chunks(window)
    for chunk in chunks:
        found.take(chunk, window)
        if found.rows >= ENOUGH:
            break
    return found


def _unreadable(found: Sample, unread: Unread) -> Iterator[Finding]:
    bad = found.unreadable + Counter(
        {(Reason.AMBIGUOUS_AMOUNT, column): n for column, n in found.doubtful.items() if column not in found.settled}
    )
    nothing_left = bad.total() >= found.rows
    for (reason, column), rows in bad.most_common():
        told = f"{rows} of {found.rows} rows cannot be read: {why(unread, reason, column)}."
        yield _finding(told, advice(unread, reason, column), is_problem=nothing_left)


def _held_back(found: Sample, unread: Unread) -> Iterator[Finding]:
    nothing_left = found.sendable == 0 and found.orders >= FEW
    for reason, orders in found.held_back.most_common():
        told = f"{orders} of {found.orders} orders would be held back: {why(unread, reason)}."
        yield _finding(told, advice(unread, reason), is_problem=nothing_left)


def _finding(told: str, next_: str | None, *, is_problem: bool) -> Finding:
    """A problem where nothing would be sent."""
    return problem("source", told, next_) if is_problem else note("source", told, next_)
