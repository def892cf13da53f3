"""One row: the mapped cells of the shop's row become an order, or the reason why they cannot."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from conversions.errors import SourceError
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells import EPOCH, MAX_CELL_CHARACTERS, BadRecord, CellError, amount, is_text, moment
from conversions.intake.sources.decimal_points import DOUBTFUL, SETTLED, SILENT, points
from conversions.intake.sources.row_digest import Digests
from conversions.intake.sources.unparsed import NOTED, UnparsedValues
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
)
"""Our columns, in the order in which ``ColumnMap.order`` takes their cells."""

_MICROSECOND = timedelta(microseconds=1)
_NOTHING = Decimal(0)


class ColumnMap:
    """The operator's mapping of columns, and how their cells are to be read."""

    def __init__(self, settings: SourceBase, zone: ZoneInfo, key: bytes) -> None:
        names = settings.columns
        self._names: tuple[str | None, ...] = tuple(getattr(names, field) for field in FIELDS)
        self._zone = zone
        self._separator = settings.product_separator
        self._completed = frozenset(map(_folded, settings.completed))
        self._aliases = {_folded(alias): code for alias, code in settings.currency_aliases.items()}
        if settings.currency is not None:
            self._aliases[""] = settings.currency  # a column that is not mapped has empty cells
        self._may_be_thousands = settings.format.decimals is None
        self._digests = Digests(key)
        self.unparsed = UnparsedValues(names)
        self._ranked = names.updated_at is not None
        self._consent = _consents(settings) if names.consent else {}
        self._ad_personalization = _consents(settings) if names.ad_personalization else {}
        self.names = frozenset(name for name in self._names if name is not None)

    def picker(self, header: Sequence[str], where: str) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        """What picks the cells in the order of ``FIELDS`` out of a row to which one empty cell was appended.

        The empty cell stands for every column that is not mapped. Raises SourceError where *header* lacks a mapped
        column or has it twice; the sentence never quotes the header, which may be somebody's data.
        """
        self._require(header, where)
        return itemgetter(*(-1 if name is None else header.index(name) for name in self._names))

    def order(self, cells: Sequence[str], where: str, row: int, rank: tuple[int, int]) -> Order | RowRejected:
        """The order that *cells* state, in the order of ``FIELDS``.

        *rank* is the row's file time (microseconds UTC) and place in the reading; ``updated_at`` replaces the first.
        """
        number = None
        try:
            if not (text := "".join(cells)).isprintable() or len(text) > MAX_CELL_CHARACTERS:
                _require_text(cells)
            number = _number(cells[0])
            return self._order(number, cells, where, row, rank)
        except CellError as misfit:
            return self._rejected(misfit, number, cells, where, row)

    def unreadable(self, record: BadRecord, where: str, row: int) -> RowRejected:
        """What a row is that has no cells of ours."""
        return RowRejected(
            f"{where} row {row}", record.reason, content=self._digests.row(record.reason, None, record.pieces)
        )

    def _require(self, header: Sequence[str], where: str) -> None:
        mapped = [(name, f'"{name}" (source.columns.{field})') for name, field in zip(self._names, FIELDS, strict=True)]
        missing = [text for name, text in mapped if name is not None and name not in header]
        if missing:
            raise SourceError(f"{where} has no column {', '.join(missing)}; correct [source.columns] or the export.")
        twice = [text for name, text in mapped if name is not None and header.count(name) > 1]
        if twice:
            raise SourceError(f"{where} has several columns {', '.join(twice)}; leave one of each in the export.")

    def _order(self, number: str, cells: Sequence[str], where: str, row: int, rank: tuple[int, int]) -> Order:
        _, email, paid, currency, products, purchased, status, completed, updated, refunded, consent, ads = cells
        purchase = moment(purchased, self._zone, "purchased_at")
        completion = moment(completed, self._zone, "completed_at") if completed.strip() else purchase
        if self._ranked:
            # A row that never changed last changed when it was made.
            change = moment(updated, self._zone, "updated_at") if updated.strip() else purchase
            rank = ((change.at - EPOCH) // _MICROSECOND, rank[1])
        value = amount(paid, "amount")
        # Refunds are written with either sign (WooCommerce: "-10.00"), and always mean money paid back.
        paid_back = abs(amount(refunded, "refunded")) if refunded.strip() else _NOTHING
        code = self._currency(currency, completion.day)
        word = _folded(status)
        is_sale = word in self._completed
        if not is_sale:
            self.unparsed.note("status", status, completion.day)
        told = points(paid, refunded, code) if self._may_be_thousands else SILENT
        # By position, which takes a third of the time; the tests know every field by its name.
        return Order(
            number,
            email,
            value,
            paid_back,
            code,
            self._products(products, completion.day),
            purchase.at,
            purchase.day,
            completion.day,
            is_sale,
            self._consent.get(_folded(consent), Consent.NOT_RECORDED),
            self._ad_personalization.get(_folded(ads), Consent.NOT_RECORDED),
            rank,
            purchase.ends_day,
            None if is_sale else self._digests.status(word),
            tuple([self._doubt(field, number, cells, where, row) for field in DOUBTFUL[told]]),
            SETTLED[told],
        )

    def _currency(self, cell: str, day: date) -> str:
        code = cell.strip().upper()
        if exponent(code) is None:
            code = self._aliases.get(_folded(cell), code)
            if exponent(code) is None:
                self.unparsed.note("currency", cell, day)
        return code

    def _doubt(self, field: str, number: str, cells: Sequence[str], where: str, row: int) -> RowRejected:
        return self._rejected(CellError(Reason.AMBIGUOUS_AMOUNT, field), number, cells, where, row)

    def _rejected(
        self, misfit: CellError, number: str | None, cells: Sequence[str], where: str, row: int
    ) -> RowRejected:
        """A row whose cell in ``misfit.field`` makes it no order."""
        reason, field = misfit.reason, misfit.field
        cell = cells[FIELDS.index(field)]
        if reason in NOTED:
            self.unparsed.note(field, cell)
        others = [cells[0]] if cells[0].strip() and field != "order_id" else [*cells[:1], *cells[2:]]
        told = others if field == "email" else [cell, *others]
        return RowRejected(f"{where} row {row}", reason, number, field, self._digests.row(reason, field, told))

    def _products(self, cell: str, day: date) -> tuple[str, ...]:
        """Each product once, in the order in which they stand."""
        found = tuple(dict.fromkeys(filter(None, map(str.strip, cell.split(self._separator)))))
        if PRODUCT_ID.fullmatch("".join(found)) is None:  # as one, in half the time: nearly all fit
            for one in found:
                if PRODUCT_ID.fullmatch(one) is None:
                    self.unparsed.note("product_ids", one, day)
        return found


def _consents(settings: SourceBase) -> dict[str, Consent]:
    """What a cell means; a word in both lists is a denial."""
    granted = dict.fromkeys(map(_folded, settings.consent_granted), Consent.GRANTED)
    return granted | dict.fromkeys(map(_folded, settings.consent_denied), Consent.DENIED)


def _require_text(cells: Sequence[str]) -> None:
    for field, cell in zip(FIELDS, cells, strict=True):
        if len(cell) > MAX_CELL_CHARACTERS:
            raise CellError(Reason.CELL_TOO_LARGE, field)
        if not is_text(cell):
            raise CellError(Reason.NOT_TEXT, field)


def _number(cell: str) -> str:
    """An order's number is kept and shown, so an address in its place must not pass for one."""
    number = cell.strip()
    if not number:
        raise CellError(Reason.NO_ORDER_NUMBER, "order_id")
    if len(number) > 100 or not number.isprintable() or holds_address(number):
        raise CellError(Reason.BAD_ORDER_NUMBER, "order_id")
    return number


def _folded(text: str) -> str:
    return text.strip().casefold()
