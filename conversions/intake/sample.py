"""A sample of the source, read as a run reads it; nothing of it is kept or sent."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from secrets import token_bytes

from conversions.intake.identity import identify
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.base import Source
from conversions.model.conversion import PRODUCT_ID, Reason, Window
from conversions.model.money import exponent

ENOUGH = 1_000
"""Rows of the window after which no more are read."""

_THROWAWAY_KEY = token_bytes(32)
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
    if isinstance(found := identify(order.email, _THROWAWAY_KEY), Reason):
        yield found
    if exponent(order.currency) is None:
        yield Reason.UNKNOWN_CURRENCY
    if not all(map(PRODUCT_ID.fullmatch, order.product_ids)):
        yield Reason.BAD_PRODUCT_ID
    elif not order.product_ids:
        yield Reason.NO_PRODUCT


def read_sample(source: Source, window: Window) -> Sample:
    """Read so many rows of *window*. Raises SourceError."""
    found, chunks = Sample(), source.chunks(window)
    for chunk in chunks:
        found.take(chunk, window)
        if found.rows >= ENOUGH:
            break
    return found
