"""Turns the mapped cells of one row into an order, or into the reason why it cannot be one."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from conversions.errors import NotAnExport
from conversions.intake.order import Cart, Order, RowRejected
from conversions.intake.sources.cells.cells import (
    EPOCH,
    MAX_CELL_CHARACTERS,
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
from conversions.intake.sources.cells.order_numbers import order_number
from conversions.intake.sources.fields import FIELDS, LINE_SEPARATOR, LINES, NEEDED
from conversions.intake.sources.rejections import Rejections
from conversions.intake.sources.row_digest import Digests
from conversions.intake.sources.table_format import TableFormat
from conversions.intake.sources.unparsed import UnparsedValues
from conversions.intake.sources.unusable_exports import hint
from conversions.model.conversion import PRODUCT_ID, Consent, Reason
from conversions.model.money import exponent
from conversions.settings import SourceBase

ROWS_PER_CHUNK = 5_000
"""Rows in one list."""

_MICROSECOND = timedelta(microseconds=1)
_ZERO = Decimal(0)


class ColumnMap:
    """The mapping of columns in the settings, and the rules for their cells."""

    def __init__(self, settings: SourceBase, zone: ZoneInfo, key: bytes, *, mapped: bool = True) -> None:
        names = settings.columns
        self._names: tuple[str | None, ...] = tuple(getattr(names, field) for field in FIELDS)
        self._preset = settings.format.preset
        self._separator = LINE_SEPARATOR if settings.format.layout == "items" else settings.product_separator
        self._completed = frozenset(map(_fold, settings.completed))
        self._aliases = {_fold(alias): code for alias, code in settings.currency_aliases.items()}
        if settings.currency is not None:
            self._aliases[""] = settings.currency  # an unmapped column has empty cells
        self.format = TableFormat(settings, zone, self._aliases)
        self._digests = Digests(key)
        self.unparsed = UnparsedValues(names, mapped=mapped, dates=settings.format.dates)
        self.rejections = Rejections(self._digests, self.unparsed)
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
            return self.rejections.of_cell(error, number, cells, f"{where} row {row}")

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
        purchase = self.format.time(purchased, "purchased_at")
        completion = self._time_or(completed, "completed_at", purchase) if completed else purchase
        if self._ranked:
            # Without a change, the purchase is the newest known time of the row.
            change = self._time_or(updated, "updated_at", purchase) if updated else purchase
            rank = ((change.at - EPOCH) // _MICROSECOND, rank[1])
        code = self._currency(currency, completion.day)
        value = self.format.amount(paid, "amount", code)
        paid_back = self._paid_back(refunded, code) if refunded else _ZERO
        word = _fold(status)
        is_sale = word in self._completed
        if not is_sale:
            self.unparsed.note("status", status, completion.day)
        lines = self._products(products, completion.day)
        both = decimal_evidence(paid, refunded, code) if self.format.amount.may_be_thousands else UNKNOWN
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
            self._cart(lines, cart, code, completion.day) if self.format.cart.mapped else None,
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
            return self.format.time(cell, field)
        except CellError:
            if cell.isspace() or is_nothing(cell):
                return absent
            raise

    def _paid_back(self, cell: str, currency: str) -> Decimal:
        """Return a refund, which may have either sign (WooCommerce: "-10.00"). Raises CellError."""
        try:
            return abs(self.format.amount(cell, "refunded", currency))
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
        return self.rejections.of_cell(CellError(Reason.AMBIGUOUS_AMOUNT, field), number, cells, place)

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
            self.format.cart.quantities(split_list(quantities, self._separator), len(product_ids)),
            self.format.cart.unit_prices(split_list(unit_prices, self._separator), len(product_ids), currency),
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


def _fold(text: str) -> str:
    return text.strip().casefold()
