"""Joins the rows of one order: what the order says once, its lines, and its amount."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from conversions.intake.sources.cells.amounts import Amounts
from conversions.intake.sources.cells.cells import MAX_CELL_CHARACTERS, BadOrder, CellError, NumberText
from conversions.intake.sources.cells.decimal_points import is_decimal_point
from conversions.intake.sources.cells.list_cells import is_nothing
from conversions.intake.sources.fields import FIELDS, LINE_SEPARATOR, LINES
from conversions.model.conversion import Reason
from conversions.settings import SourceBase

Cells = tuple[str, ...]
"""The mapped cells of one row, in the order of ``FIELDS``."""
ORDER_ID = FIELDS.index("order_id")
_AMOUNT = FIELDS.index("amount")
_CURRENCY = FIELDS.index("currency")
_PRODUCTS = FIELDS.index("product_ids")
_QUANTITIES, _UNIT_PRICES = FIELDS.index("quantities"), FIELDS.index("unit_prices")
_CONSENTS = ("consent", "ad_personalization", "test")
_OF_LINES = tuple(map(FIELDS.index, LINES))


class OrderLines:
    """The rules by which rows become one order."""

    def __init__(self, settings: SourceBase) -> None:
        columns = settings.columns
        self._sums = settings.format.items_amount == "sum"
        self._products = columns.product_ids
        self._priced = columns.quantities is not None and columns.unit_prices is not None
        self._aliases = {alias.strip().casefold(): code for alias, code in settings.currency_aliases.items()}
        # A sum of smallest units is one, too; the amount of the order is converted.
        self._amount = Amounts(settings.format.model_copy(update={"minor_units": False}), self._aliases)
        self._may_be_thousands = self._amount.may_be_thousands and not settings.format.minor_units
        self._currency = settings.currency or ""
        once = [at for at in range(len(FIELDS)) if at not in (ORDER_ID, *_OF_LINES)]
        self._once = [at for at in once if at != _AMOUNT or not self._sums]

    def join(self, number: str, rows: Sequence[Cells]) -> Cells | BadOrder:
        """Return the order's cells, in the order of ``FIELDS``, or why there are none.

        A cell of the order is its first one that is not blank; another value in another row makes the order
        unreadable, because either may be right.
        """
        try:
            return self._joined(number, rows)
        except CellError as error:
            # Nothing is derived from an address.
            cells = [row[FIELDS.index(error.field)] for row in rows] if error.field != "email" else []
            return BadOrder(error.reason, cells, number, error.field)

    def end_in_total(self, rows: Sequence[Cells]) -> bool:
        """Return whether *rows*, the last of a table, may end in the sum of all its orders, which is no line.

        Such a row has neither an order number nor a product, and costs as much as the rows of the order above it.
        """
        if not self._sums or self._products is None:
            return False
        code = self._code(next((row[_CURRENCY] for row in rows if row[_CURRENCY].strip()), ""))
        try:
            return any(
                not row[ORDER_ID].strip()
                and not row[_PRODUCTS].strip()
                and 0 < sum(self._amounts(rows[:nth], code)) <= sum(self._amounts([row], code))
                for nth, row in enumerate(rows)
            )
        except CellError:
            return False  # then the order is not read

    def _joined(self, number: str, rows: Sequence[Cells]) -> Cells:
        joined = [""] * len(FIELDS)
        joined[ORDER_ID] = number
        for at in self._once:
            joined[at] = _only(FIELDS[at], [row[at] for row in rows])
        for at, cells in zip(_OF_LINES, _lines(rows), strict=True):
            joined[at] = _list(FIELDS[at], cells)
        if self._sums:
            joined[_AMOUNT] = self._sum(rows, self._code(joined[_CURRENCY]))
        return tuple(joined)

    def _code(self, cell: str) -> str:
        """Return the order's currency, with which a sign beside an amount is compared."""
        word = cell.strip() or self._currency
        return self._aliases.get(word.casefold(), word.upper())

    def _sum(self, rows: Sequence[Cells], currency: str) -> str:
        """Return the sum of quantity times unit price where both are mapped, otherwise of the lines' amounts.

        It is exact, of all lines, also of those without a product ID: shipping and fees are paid, too. Raises CellError
        where a line lacks one of the two, and where an amount may be in thousands.
        """
        amounts = self._amounts(rows, currency)
        return _text(sum(amounts)) if amounts else ""

    def _amounts(self, rows: Sequence[Cells], currency: str) -> list[Decimal]:
        if self._priced:
            lines = [row for row in rows if row[_QUANTITIES].strip() or row[_UNIT_PRICES].strip()]
            return [self._product(row, currency) for row in lines]
        return [self._parsed(row[_AMOUNT], "amount", currency) for row in rows if row[_AMOUNT].strip()]

    def _product(self, row: Cells, currency: str) -> Decimal:
        quantity = self._parsed(row[_QUANTITIES], "quantities", currency)
        return quantity * self._parsed(row[_UNIT_PRICES], "unit_prices", currency)

    def _parsed(self, cell: str, field: str, currency: str) -> Decimal:
        if self._may_be_thousands and is_decimal_point(cell) is False:
            raise CellError(Reason.AMBIGUOUS_AMOUNT, field)
        try:
            return self._amount(cell, field, currency)
        except CellError as error:
            reason = _UNREADABLE[field] if error.reason is Reason.BAD_AMOUNT else error.reason
            raise CellError(reason, field) from None


_UNREADABLE = {
    "amount": Reason.BAD_AMOUNT,
    "quantities": Reason.BAD_QUANTITY,
    "unit_prices": Reason.BAD_UNIT_PRICE,
}


def _only(field: str, cells: Iterable[str]) -> str:
    """Return the one value of *cells*, blank ones and words for nothing apart. Raises CellError where there are two."""
    stated = [cell for cell in cells if cell.strip()]
    if field not in _CONSENTS:  # there, every word may have a meaning
        stated = [cell for cell in stated if not is_nothing(cell)] or stated
    if len({cell.strip() for cell in stated}) > 1:
        raise CellError(Reason.LINES_DISAGREE, field)
    return stated[0] if stated else ""


def _lines(rows: Sequence[Cells]) -> list[list[str]]:
    """Return IDs, quantities and prices. A row in which all three are blank is no line, such as shipping or a note."""
    lines = [row for row in rows if any(row[at].strip() for at in _OF_LINES)]
    return [[line[at] for line in lines] for at in _OF_LINES]


def _list(field: str, cells: Sequence[str]) -> str:
    """Return *cells* as one. One cell is one value: where it contains the separator, it stays an unusable value."""
    text = LINE_SEPARATOR.join(cell.replace(LINE_SEPARATOR, " ") for cell in cells)
    if len(text) > MAX_CELL_CHARACTERS:
        raise CellError(Reason.CELL_TOO_LARGE, field)
    return NumberText(text) if cells and all(isinstance(cell, NumberText) for cell in cells) else text


def _text(amount: Decimal | int) -> str:
    """Return a sum as a cell. Its digits behind the point are decimals."""
    return NumberText(format(Decimal(amount).normalize() + 0, "f"))
