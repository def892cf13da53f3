"""Reads a sample of the source as a run does, but keeps and sends nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from conversions.intake.cart import CartBuilder
from conversions.intake.identity import digests
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.base import Source
from conversions.model.conversion import PRODUCT_ID, Reason, Window
from conversions.model.money import exponent
from conversions.model.rules import CartRules

MAX_ROWS = 1_000
"""Rows of the window after which reading stops."""


@dataclass(slots=True)
class Sample:
    """Counts of the rows that a run would read, and of the reasons that would withhold orders."""

    cart: CartRules
    rows: int = 0
    orders: int = 0
    unreadable: Counter[tuple[Reason, str | None]] = field(default_factory=Counter)
    """By reason and our column."""
    ambiguous: Counter[str] = field(default_factory=Counter)
    """By our column: orders with amounts that may be in thousands."""
    decimal_columns: set[str] = field(default_factory=set)
    withheld: Counter[Reason] = field(default_factory=Counter)
    sendable: int = 0
    days: set[date] = field(default_factory=set)
    """First and last day of the orders in the sample, also outside the window."""

    def add(self, rows: list[Order | RowRejected], window: Window) -> None:
        """Count *rows*; orders outside *window* contribute only their day."""
        for row in rows:
            if isinstance(row, RowRejected):
                self.rows += 1
                self.unreadable[row.reason, row.field] += 1
            elif window.since <= row.window_day <= window.until:
                self.rows += 1
                self._add_order(row)
        seen = self.days | {row.window_day for row in rows if isinstance(row, Order)}
        self.days = {min(seen), max(seen)} if seen else set()

    def _add_order(self, order: Order) -> None:
        self.orders += 1
        self.decimal_columns.update(order.decimal_columns)
        self.ambiguous.update(rejection.field or "" for rejection in order.ambiguous)
        reasons = list(self._reasons_against(order))
        self.sendable += not reasons
        self.withheld.update(reasons)

    def _reasons_against(self, order: Order) -> Iterator[Reason]:
        """Yield the reasons that the settings or the export may cause. A buyer's consent is not one of them."""
        if not order.completed:
            yield Reason.NOT_COMPLETED
        if order.withheld:
            yield order.withheld
        if isinstance(found := digests(order.email), Reason):
            yield found
        if exponent(order.currency) is None:
            yield Reason.UNKNOWN_CURRENCY
        if not self.cart.product_ids:
            return
        if not all(map(PRODUCT_ID.fullmatch, order.product_ids)):
            yield Reason.BAD_PRODUCT_ID
        elif not order.product_ids and not order.withheld:
            yield Reason.NO_PRODUCT
        elif isinstance(cart := CartBuilder(self.cart)(order), Reason):
            yield cart


def read_sample(source: Source, window: Window, cart: CartRules) -> Sample:
    """Read about ``MAX_ROWS`` rows of *window*; *cart* is what any destination may know of products.

    Raises SourceError.
    """
    sample = Sample(cart)
    for chunk in source.chunks(window):
        sample.add(chunk, window)
        if sample.rows >= MAX_ROWS:
            break
    return sample
