"""Makes the rejections of rows that are no order."""

from collections.abc import Sequence

from conversions.intake.order import RowRejected
from conversions.intake.sources.cells.cells import BadOrder, BadRecord, CellError
from conversions.intake.sources.cells.order_numbers import order_number
from conversions.intake.sources.fields import FIELDS
from conversions.intake.sources.row_digest import Digests
from conversions.intake.sources.unparsed import CELL_REASONS, UnparsedValues


class Rejections:
    """Notes the cells at fault, and derives from the others how a later run recognises the row."""

    def __init__(self, digests: Digests, unparsed: UnparsedValues) -> None:
        self._digests, self._unparsed = digests, unparsed

    def of_cell(self, error: CellError, number: str | None, cells: Sequence[str], place: str) -> RowRejected:
        """Return the rejection of the row at *place* for its cell in ``error.field``."""
        reason, field = error.reason, error.field
        cell = cells[FIELDS.index(field)]
        if reason in CELL_REASONS:
            self._unparsed.note(field, cell, place=place)
        others = [cells[0]] if cells[0].strip() and field != "order_id" else [*cells[:1], *cells[2:]]
        content = others if field == "email" else [cell, *others]
        return RowRejected(place, reason, number, field, self._digests.row(reason, field, content))

    def of_record(self, record: BadRecord, place: str) -> RowRejected:
        """Return the rejection of a row that cannot be split into its cells."""
        return RowRejected(place, record.reason, content=self._digests.row(record.reason, None, record.pieces))

    def of_rows(self, order: BadOrder, place: str) -> RowRejected:
        """Return the rejection of an order of several rows; *place* is the first one."""
        if order.field is not None and order.reason in CELL_REASONS:
            for cell in order.pieces:
                self._unparsed.note(order.field, cell)
        number = _order_number(order.number)
        content = [number, *order.pieces] if number else order.pieces
        return RowRejected(
            place, order.reason, number, order.field, self._digests.row(order.reason, order.field, content)
        )

    def of_value(self, error: CellError, number: str, pieces: Sequence[str], place: str) -> RowRejected:
        """Return the rejection of an order with a value that is no cell; *number* is its order number, if it has one.

        *pieces* are the texts by which a later run recognises it.
        """
        content = self._digests.row(error.reason, error.field, pieces)
        return RowRejected(place, error.reason, _order_number(number), error.field, content)


def _order_number(cell: str) -> str | None:
    try:
        return order_number(cell)
    except CellError:
        return None
