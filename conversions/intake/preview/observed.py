"""A source whose reading is counted for a preview, while a run's own code reads it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from conversions.intake.order import Order, RowRejected
from conversions.intake.preview.address_count import AddressCount, AddressState
from conversions.intake.preview.amount_shape import AmountShape
from conversions.intake.preview.printed_cells import WELL_KNOWN_STATUSES, Words, is_currency, is_name
from conversions.intake.preview.row import PreviewRow, order_row, rejected_row
from conversions.intake.sources.base import Source
from conversions.intake.sources.unparsed import UnparsedValues, may_be_shown
from conversions.model.conversion import Reason, Window
from conversions.settings import AnySourceSettings


@dataclass(slots=True)
class Reading:
    """The rows of one window: the first of them, and counts of all. No address is in it."""

    statuses: Words
    currencies: Words
    addresses: AddressCount = field(default_factory=AddressCount)
    amounts: dict[str, AmountShape] = field(default_factory=lambda: defaultdict(AmountShape))
    """By currency."""
    orders: int = 0
    completed: int = 0
    with_products: int = 0
    with_names: int = 0
    """Orders with a product ID that looks like a name."""
    unreadable: Counter[tuple[Reason, str | None]] = field(default_factory=Counter)
    """By reason and our column."""
    examples: dict[tuple[Reason, str | None], str] = field(default_factory=dict)
    """The place of the first such row."""
    finished: set[str] = field(default_factory=set)
    """Words of the status that count as a finished sale."""
    days: tuple[date, date] | None = None
    """First and last day of the orders in the window."""
    _shown: list[tuple[Order, AddressState, bytes | None] | RowRejected] = field(default_factory=list)

    def add(self, row: Order | RowRejected, *, shown: bool) -> None:
        """Count one row of the window; a row to be *shown* is kept without its address."""
        if isinstance(row, RowRejected):
            self.unreadable[row.reason, row.field] += 1
            self.examples.setdefault((row.reason, row.field), row.place)
            self._shown += [row] if shown else []
            return
        address = self.addresses.add(row.email, row.number)
        self._shown += [(row._replace(email=""), *address)] if shown else []
        self._count(row)

    def rows(self) -> list[PreviewRow]:
        """Return the rows to show; complete after the reading, because only then it is known what may be printed."""
        return [rejected_row(each) if isinstance(each, RowRejected) else self._row(*each) for each in self._shown]

    def _count(self, order: Order) -> None:
        self.orders += 1
        self.completed += order.completed
        self.statuses.add(order.status)
        if order.completed:
            self.finished.add(order.status)
        self.currencies.add(order.currency)
        self.amounts[order.currency if is_currency(order.currency) else ""].add(order.amount)
        self.with_products += bool(order.product_ids)
        self.with_names += any(map(is_name, order.product_ids))
        first, last = self.days or (order.window_day, order.window_day)
        self.days = min(first, order.window_day), max(last, order.window_day)

    def _row(self, order: Order, address: AddressState, digest: bytes | None) -> PreviewRow:
        status, currency = self.statuses.printed(order.status), self.currencies.printed(order.currency)
        return order_row(order, status, currency, address, self.addresses.orders(digest))


class ObservedSource:
    """A source with the same rows as *source*, which are counted in ``reading``; it is read once."""

    def __init__(self, source: Source, settings: AnySourceSettings, rows: int) -> None:
        """*rows* is the number of rows to show."""
        self._source, self._rows = source, rows
        self.description = source.description
        self.unparsed: UnparsedValues = source.unparsed
        known = WELL_KNOWN_STATUSES | {word.strip().casefold() for word in settings.completed}
        own_words = not source.unparsed.mapped  # a shop system's own field never holds a person
        self.reading = Reading(
            Words("status", lambda word: word.casefold() in known or (own_words and may_be_shown("status", word))),
            Words("currency", is_currency),
        )

    def check(self) -> None:
        """See ``Source``."""
        self._source.check()

    def skipped_files(self) -> list[str]:
        """See ``Source``."""
        return self._source.skipped_files()

    def refused_files(self) -> list[str]:
        """See ``Source``."""
        return self._source.refused_files()

    @property
    def found(self) -> dict[str, dict[str, str]]:
        """By file, how it is read, by the name of the setting; empty for a source that has no files."""
        return getattr(self._source, "found", {})

    @property
    def without_sku(self) -> int:
        """Lines of the last reading without an SKU; 0 for a source that is no shop system."""
        return int(getattr(self._source, "without_sku", 0))

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """See ``Source``."""
        shown = 0
        for chunk in self._source.chunks(window):
            for row in chunk:
                if isinstance(row, RowRejected) or window.since <= row.window_day <= window.until:
                    self.reading.add(row, shown=shown < self._rows)
                    shown += 1
            yield chunk
