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
from conversions.sources.base import Source
from conversions.sources.unread import NOTED, Unread

ENOUGH = 1_000
"""Rows of the window after which no more are read."""

ADVICE = {
    "amount": "Write amounts with a decimal point and without a thousands mark, such as 1293.00.",
    "currency": 'Say what it means in [source.currency_aliases], such as kr = "DKK".',
    "product_ids": "Map a column of product IDs, without spaces; source.product_separator stands between several.",
    "purchased_at": "Write dates as 2026-11-29, or with a time as 2026-11-29T13:30:00+01:00.",
    "status": "Add to source.completed what means a finished sale.",
    "email": "Map the column of the buyers' e-mail addresses, in clear.",
    Reason.WRONG_FIELD_COUNT: "Give every row as many cells as the header has.",
    Reason.AMBIGUOUS_AMOUNT: "Where they are decimals, set decimals = 3 in [source.format]; otherwise export amounts "
    "without a thousands mark.",
}
ADVICE |= {"refunded": ADVICE["amount"], "completed_at": ADVICE["purchased_at"], "updated_at": ADVICE["purchased_at"]}
"""By our column, or the reason."""


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
    held_back: Counter[str] = field(default_factory=Counter)
    """By our column."""
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
        against = {
            "status": not order.completed,
            "email": isinstance(identify(order.email, _NOBODYS_KEY), Reason),
            "currency": exponent(order.currency) is None,
            "product_ids": not order.product_ids or not all(map(PRODUCT_ID.fullmatch, order.product_ids)),
        }
        self.held_back.update(column for column, speaks in against.items() if speaks)


_NOBODYS_KEY = token_bytes(32)
"""Whoever is found under it is not kept."""


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
        told = f"{rows} of {found.rows} rows cannot be read: {_why(reason, column, unread)}."
        yield _finding(told, _advice(reason, column, unread), is_problem=nothing_left)


def _why(reason: Reason, column: str | None, unread: Unread) -> str:
    if column is None:
        return reason
    noted = reason in NOTED and unread.named(column)
    return unread.described(column) if noted else f"{unread.column(column)}, {reason}"


def _advice(reason: Reason, column: str | None, unread: Unread) -> str | None:
    advice = ADVICE.get(reason) or ADVICE.get(column or "")
    if reason is Reason.BAD_AMOUNT and column and unread.holds(column, ","):
        return f"There are commas in it. {advice}"
    return advice


def _held_back(found: Sample, unread: Unread) -> Iterator[Finding]:
    said = {
        "status": f"are not completed: {unread.described('status')}",
        "email": "have no e-mail address that can be used",
        "currency": f"have an unknown currency: {unread.described('currency')}",
        "product_ids": f"have no product ID, or one of an unexpected shape: {unread.described('product_ids')}",
    }
    for column, orders in found.held_back.most_common():
        told = f"{orders} of {found.orders} orders {said[column]}."
        yield _finding(told, ADVICE[column], is_problem=orders == found.orders)


def _finding(told: str, next_: str | None, *, is_problem: bool) -> Finding:
    """A problem where nothing would be sent."""
    return problem("source", told, next_) if is_problem else note("source", told, next_)
