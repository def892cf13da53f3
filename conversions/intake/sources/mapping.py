"""Turns the mapped cells of one row into an order, or into the reason why it cannot be one."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from conversions.errors import NotAnExport
from conversions.intake.order import Cart, Order, RowRejected
from conversions.intake.sources.cells.amounts import Amounts
from conversions.intake.sources.cells.cart_cells import CartCells
from conversions.intake.sources.cells.cells import (
    EPOCH,
    MAX_CELL_CHARACTERS,
    BadOrder,
    BadRecord,
    CellError,
    ParsedTime,
    is_text,
)
from conversions.intake.sources.cells.decimal_points import (
    AMBIGUOUS_COLUMNS,
    DECIMAL_COLUMNS,
    UNKNOWN,
    decimal_evidence,
)
from conversions.intake.sources.cells.list_cells import is_nothing, split_list
from conversions.intake.sources.cells.times import Times
from conversions.intake.sources.row_digest import Digests
from conversions.intake.sources.unparsed import CELL_REASONS, UnparsedValues
from conversions.intake.sources.unusable_exports import hint
from conversions.model.conversion import PRODUCT_ID, Consent, Reason
from conversions.model.money import exponent
from conversions.model.subject import holds_address
from conversions.settings import SourceBase

ROWS_PER_CHUNK = 5_000
"""Rows in one list."""

FIELDS = (
    "order_id",
    "email",
    "amount",
    "currency",
    "product_ids",
    "purchased_at",
    "status",
    "completed_at",
    "updated_at",
    "refunded",
    "consent",
    "ad_personalization",
    "cancelled_at",
    "test",
    "quantities",
    "unit_prices",
)
"""Our columns, in the order that ``ColumnMap.order`` expects."""
LINE_SEPARATOR = "\N{DOUBLE VERTICAL LINE}"
"""Separates the lines of an order that had a row each; no product ID contains it."""

LINES = ("product_ids", "quantities", "unit_prices")
"""Our columns of one line of an order, which must not be missing either in a file of items."""
ROUNDED = re.compile(r"[0-9][.,][0-9]{1,5}E\+[0-9]{2}")
"""How Excel shows a long number, ``5,00E+12``: many orders have the same text."""
NEEDED = ("order_id", "email", "amount", "currency", "purchased_at", "status", "consent", "ad_personalization")
"""Our columns whose cell must not be missing at the end of a row. The others are empty there: Excel writes so.

A row that was broken in two must not lose a buyer's refusal.
"""

_TIMES = tuple(map(FIELDS.index, ("purchased_at", "completed_at", "updated_at")))
_MICROSECOND = timedelta(microseconds=1)
_ZERO = Decimal(0)


class Contradictions(NamedTuple):
    """Whether dates, and marks in amounts, contradict the declared format: another export may have another one."""

    dates: bool = False
    marks: bool = False


class ColumnMap:
    """The mapping of columns in the settings, and the rules for their cells."""

    def __init__(self, settings: SourceBase, zone: ZoneInfo, key: bytes, *, mapped: bool = True) -> None:
        names = settings.columns
        self._names: tuple[str | None, ...] = tuple(getattr(names, field) for field in FIELDS)
        self._preset = settings.format.preset
        self._times = [Times(zone, settings.format.dates, mixed=mixed) for mixed in (False, True)]
        self._time = self._times[False]
        self._separator = LINE_SEPARATOR if settings.format.layout == "items" else settings.product_separator
        self._completed = frozenset(map(_fold, settings.completed))
        self._aliases = {_fold(alias): code for alias, code in settings.currency_aliases.items()}
        if settings.currency is not None:
            self._aliases[""] = settings.currency  # an unmapped column has empty cells
        self._amounts = [Amounts(settings.format, self._aliases, mixed=mixed) for mixed in (False, True)]
        sums = settings.format.items_amount == "sum" and names.quantities and names.unit_prices
        self._read_amounts = tuple(map(FIELDS.index, ("unit_prices" if sums else "amount", "refunded")))
        mapped_lines = {"quantities": names.quantities is not None, "unit_prices": names.unit_prices is not None}
        self._carts = [CartCells(amount, **mapped_lines) for amount in self._amounts]
        self._amount, self._cart_cells = self._amounts[False], self._carts[False]
        self._digests = Digests(key)
        self.unparsed = UnparsedValues(names, mapped=mapped, dates=settings.format.dates)
        self._ranked = names.updated_at is not None
        self._consent = _consents(settings) if names.consent else {}
        self._ad_personalization = _consents(settings) if names.ad_personalization else {}
        self._test_values = frozenset(map(_fold, settings.test_values)) if names.test else frozenset[str]()
        self.names = frozenset(name for name in self._names if name is not None)
        needed = (*NEEDED, *LINES) if settings.format.layout == "items" else NEEDED
        self.needed = frozenset(name for name in map(names.model_dump().get, needed) if name is not None)

    def picker(self, header: Sequence[str], where: str) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        """Return the function that picks a row's cells in the order of ``FIELDS``.

        The row must end with one extra empty cell, which stands for every unmapped column. Raises NotAnExport where
        *header* lacks a mapped column or has it twice; the message never quotes the header, which may be personal data.
        """
        self._require(header, where)
        return itemgetter(*(-1 if name is None else header.index(name) for name in self._names))

    def contradictions(self, rows: Iterable[Sequence[str]]) -> Contradictions:
        """Return what in *rows* shows that they are written in another way than the settings say."""
        of_time, of_amount = self._times[False].contradicts, self._amounts[False].contradicts
        dates = marks = False
        for cells in rows:
            dates = dates or any(cells[at] and of_time(cells[at]) for at in _TIMES)
            marks = marks or any(cells[at] and of_amount(cells[at]) for at in self._read_amounts)
        return Contradictions(dates, marks)

    def begin_table(self, contradictions: Contradictions) -> None:
        """Read the next rows by the declared format; where cells contradict it, only what has one meaning."""
        dates, marks = contradictions
        self._time = self._times[dates]
        self._amount, self._cart_cells = self._amounts[marks], self._carts[marks]

    def order(self, cells: Sequence[str], where: str, row: int, rank: tuple[int, int]) -> Order | RowRejected:
        """Return the order that *cells* state; they are in the order of ``FIELDS``.

        *rank* is the row's file time (microseconds UTC) and its position in the reading; ``updated_at`` replaces the
        file time.
        """
        number = None
        try:
            if not (text := "".join(cells)).isprintable() or len(text) > MAX_CELL_CHARACTERS:
                _require_text(cells)
            number = order_number(cells[0])
            return self._order(number, cells, where, row, rank)
        except CellError as error:
            return self._rejected(error, number, cells, f"{where} row {row}")

    def unreadable(self, record: BadRecord | BadOrder, where: str, row: int) -> RowRejected:
        """Return the rejection of a row that cannot be split into its cells, or of an order of several rows."""
        if isinstance(record, BadOrder):
            return self._unreadable_order(record, f"{where} row {row}")
        return RowRejected(
            f"{where} row {row}", record.reason, content=self._digests.row(record.reason, None, record.pieces)
        )

    def _unreadable_order(self, order: BadOrder, place: str) -> RowRejected:
        if order.field is not None and order.reason in CELL_REASONS:
            for cell in order.pieces:
                self.unparsed.note(order.field, cell)
        try:
            number = order_number(order.number)
        except CellError:
            number = None
        content = [number, *order.pieces] if number else order.pieces
        return RowRejected(
            place, order.reason, number, order.field, self._digests.row(order.reason, order.field, content)
        )

    def malformed(self, error: CellError, number: str, pieces: Sequence[str], place: str) -> RowRejected:
        """Return the rejection of an order with a value that is no cell; *number* is its order number, if it has one.

        *pieces* are the texts by which a later run recognises it.
        """
        try:
            order_no = order_number(number)
        except CellError:
            order_no = None
        return RowRejected(
            place, error.reason, order_no, error.field, self._digests.row(error.reason, error.field, pieces)
        )

    def _require(self, header: Sequence[str], where: str) -> None:
        mapped = [(name, f'"{name}" (source.columns.{field})') for name, field in zip(self._names, FIELDS, strict=True)]
        missing = [text for name, text in mapped if name is not None and name not in header]
        if missing:
            raise NotAnExport(
                f"{where} has no column {', '.join(missing)}; correct [source.columns] or the export."
                f"{hint(header, self._preset)}"
            )
        twice = [text for name, text in mapped if name is not None and header.count(name) > 1]
        if twice:
            raise NotAnExport(f"{where} has several columns {', '.join(twice)}; leave one of each in the export.")

    def _order(self, number: str, cells: Sequence[str], where: str, row: int, rank: tuple[int, int]) -> Order:
        _, email, paid, currency, products, purchased, status, completed, updated, refunded, *others = cells
        consent, ads, cancelled, test, *cart = others
        purchase = self._time(purchased, "purchased_at")
        completion = self._time_or(completed, "completed_at", purchase) if completed else purchase
        if self._ranked:
            # Without a change, the purchase is the newest known time of the row.
            change = self._time_or(updated, "updated_at", purchase) if updated else purchase
            rank = ((change.at - EPOCH) // _MICROSECOND, rank[1])
        code = self._currency(currency, completion.day)
        value = self._amount(paid, "amount", code)
        paid_back = self._paid_back(refunded, code) if refunded else _ZERO
        word = _fold(status)
        is_sale = word in self._completed
        if not is_sale:
            self.unparsed.note("status", status, completion.day)
        lines = self._products(products, completion.day)
        both = decimal_evidence(paid, refunded, code) if self._amount.may_be_thousands else UNKNOWN
        # Positional arguments take a third of the time; the tests check every field by name.
        return Order(
            number,
            email if "@" in email and "'" not in email else _address(email),
            value,
            paid_back,
            code,
            tuple(dict.fromkeys(lines)),
            purchase.at,
            purchase.day,
            completion.day,
            is_sale,
            self._consent.get(_fold(consent), Consent.NOT_RECORDED),
            self._ad_personalization.get(_fold(ads), Consent.NOT_RECORDED),
            rank,
            purchase.ends_day,
            None if is_sale else self._digests.status(word),
            tuple([self._ambiguous(field, number, cells, f"{where} row {row}") for field in AMBIGUOUS_COLUMNS[both]]),
            DECIMAL_COLUMNS[both],
            self._cart(lines, cart, code, completion.day) if self._cart_cells.mapped else None,
            self._withheld(test, cancelled) if test or cancelled else None,
            status=status.strip(),
            place=f"{where} row {row}",
        )

    def _withheld(self, test: str, cancelled: str) -> Reason | None:
        """Return why a completed order is no sale."""
        if _fold(test) in self._test_values:
            return Reason.TEST_ORDER
        return None if not cancelled.strip() or is_nothing(cancelled) else Reason.CANCELLED

    def _time_or(self, cell: str, field: str, absent: ParsedTime) -> ParsedTime:
        """Return the time in an optional *cell*, or *absent*. Raises CellError."""
        try:
            return self._time(cell, field)
        except CellError:
            if cell.isspace() or is_nothing(cell):
                return absent
            raise

    def _paid_back(self, cell: str, currency: str) -> Decimal:
        """Return a refund, which may have either sign (WooCommerce: "-10.00"). Raises CellError."""
        try:
            return abs(self._amount(cell, "refunded", currency))
        except CellError:
            if cell.isspace() or is_nothing(cell):
                return _ZERO
            raise

    def _currency(self, cell: str, day: date) -> str:
        code = cell.strip().upper()
        if exponent(code) is None:
            code = self._aliases.get(_fold(cell), code)
            if exponent(code) is None:
                self.unparsed.note("currency", cell, day)
        return code

    def _ambiguous(self, field: str, number: str, cells: Sequence[str], place: str) -> RowRejected:
        return self._rejected(CellError(Reason.AMBIGUOUS_AMOUNT, field), number, cells, place)

    def _rejected(self, error: CellError, number: str | None, cells: Sequence[str], place: str) -> RowRejected:
        """Return the rejection of the row at *place* for its cell in ``error.field``."""
        reason, field = error.reason, error.field
        cell = cells[FIELDS.index(field)]
        if reason in CELL_REASONS:
            self.unparsed.note(field, cell, place=place)
        others = [cells[0]] if cells[0].strip() and field != "order_id" else [*cells[:1], *cells[2:]]
        content = others if field == "email" else [cell, *others]
        return RowRejected(place, reason, number, field, self._digests.row(reason, field, content))

    def _products(self, cell: str, day: date) -> tuple[str, ...]:
        """Return the product IDs in the order of the cell; a product may have several lines."""
        product_ids = split_list(cell, self._separator)
        # One match of all IDs together takes half the time, and nearly all rows pass it.
        if PRODUCT_ID.fullmatch("".join(product_ids)) is None:
            for product_id in product_ids:
                if PRODUCT_ID.fullmatch(product_id) is None:
                    self.unparsed.note("product_ids", product_id, day)
        return product_ids

    def _cart(self, product_ids: tuple[str, ...], cells: Sequence[str], currency: str, day: date) -> Cart:
        quantities, unit_prices = cells
        cart = Cart(
            product_ids,
            self._cart_cells.quantities(split_list(quantities, self._separator), len(product_ids)),
            self._cart_cells.unit_prices(split_list(unit_prices, self._separator), len(product_ids), currency),
        )
        if isinstance(cart.quantities, Reason):
            self.unparsed.note("quantities", quantities, day)
        if isinstance(cart.unit_prices, Reason):
            self.unparsed.note("unit_prices", unit_prices, day)
        return cart


def _consents(settings: SourceBase) -> dict[str, Consent]:
    """Return the meaning of each word; a word in both lists means denied."""
    granted = dict.fromkeys(map(_fold, settings.consent_granted), Consent.GRANTED)
    return granted | dict.fromkeys(map(_fold, settings.consent_denied), Consent.DENIED)


def _require_text(cells: Sequence[str]) -> None:
    for field, cell in zip(FIELDS, cells, strict=True):
        if len(cell) > MAX_CELL_CHARACTERS:
            raise CellError(Reason.CELL_TOO_LARGE, field)
        if not is_text(cell):
            raise CellError(Reason.NOT_TEXT, field)


def _address(cell: str) -> str:
    """Return the address without the apostrophe by which spreadsheets mark a text; it must not be hashed with it."""
    text = cell.strip()
    if text.startswith("'"):
        text = text.strip("'")
    return "" if is_nothing(text) else text


def order_number(cell: str) -> str:
    """Return the order number. The store keeps and shows it, so an address in its place raises CellError."""
    number = cell.strip()
    if not number:
        raise CellError(Reason.NO_ORDER_NUMBER, "order_id")
    if len(number) > 100 or not number.isprintable() or holds_address(number) or ROUNDED.fullmatch(number):
        raise CellError(Reason.BAD_ORDER_NUMBER, "order_id")
    return number


def _fold(text: str) -> str:
    return text.strip().casefold()
