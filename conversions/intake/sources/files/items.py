"""Reads files in which a row is one line of an order (``layout = "items"``): the rows of one order become one row.

The rows of an order mostly stand together, and such files are read with flat memory. But a file may be sorted by
another column, and half an order must never be sent. So a first pass notes the orders that come back after others, and
the second one keeps their rows until the table ends. (pandas groups, too, and holds the whole file for it.)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from conversions.errors import SourceError
from conversions.intake.sources.cells.cells import BadOrder, BadRecord
from conversions.intake.sources.files.number_set import NumberSet
from conversions.intake.sources.files.order_lines import ORDER_ID, Cells, OrderLines
from conversions.model.conversion import Reason
from conversions.settings import SourceBase, presets

Row = tuple[int, Cells | BadRecord]
"""A row's number as in a spreadsheet, with its mapped cells or the reason why it has none."""
OrderRow = tuple[int, Cells | BadRecord | BadOrder]
"""The number of an order's first row, or of the row at fault, with the order's cells or the reason."""

MAX_ROWS_PER_ORDER = 10_000
"""More rows are no order: their order numbers are missing."""
MAX_ROWS_KEPT = 200_000
"""Rows, in one table, of orders whose rows do not stand together."""


@dataclass(slots=True)
class Numbers:
    """The order numbers of one file."""

    seen: NumberSet = field(default_factory=NumberSet)
    apart: NumberSet = field(default_factory=NumberSet)
    """Those of orders whose rows do not stand together; a few others are among them."""


@dataclass(slots=True)
class Run:
    """Rows of one order."""

    number: str
    named: bool = False
    """Whether a row that can be split has the number; otherwise it may be any text."""
    rows: list[tuple[int, Cells]] = field(default_factory=list)
    bad: list[tuple[int, BadRecord]] = field(default_factory=list)
    too_long: bool = False
    copied: bool = False
    """Whether rows are there again behind other orders, as in a file of two exports."""
    differs: bool = False
    """Whether rows behind other orders are not the ones that came first."""
    total: bool = False
    """Whether its last row may be the table's total."""

    def add(self, row: int, cells: Cells | BadRecord) -> None:
        """Add a row, up to the limit."""
        if len(self.rows) + len(self.bad) >= MAX_ROWS_PER_ORDER:
            self.too_long = True
        elif isinstance(cells, BadRecord):
            self.bad.append((row, cells))
        else:
            self.rows.append((row, cells))
            self.named = self.named or bool(cells[ORDER_ID].strip())

    def extend(self, other: "Run") -> None:
        """Add the rows of another place, unless they are all of this order's rows once more."""
        present, more = [cells for _, cells in self.rows], [cells for _, cells in other.rows]
        self.copied = self.copied or not set(present).isdisjoint(more)
        if present == more and not self.bad and not other.bad:
            return
        self.differs = self.differs or bool(present)
        for row, cells in other.rows:
            self.add(row, cells)
        for row, record in other.bad:
            self.add(row, record)
        self.too_long |= other.too_long
        self.total |= other.total


class ItemRows:
    """Makes one row of each order's rows, by the settings."""

    def __init__(self, settings: SourceBase) -> None:
        known = presets.known().get(settings.format.preset or "")
        self._prefix = known.order_prefix if known else ""
        self._lines = OrderLines(settings)

    def note_numbers(self, rows: Iterator[Row], numbers: Numbers) -> Iterator[Row]:
        """Yield *rows* again, and add their order numbers to *numbers*: the first pass."""
        last = ""
        for row, cells in rows:
            yield row, cells
            if isinstance(cells, BadRecord) and cells.number is None:
                for piece in cells.pieces:
                    numbers.apart.add(self._number(piece))  # it may belong to any order that it names
                continue
            number = self._number(cells.number or "") if isinstance(cells, BadRecord) else self._number(cells[ORDER_ID])
            if number and number != last:
                last = number
                if not numbers.seen.add(number):
                    numbers.apart.add(number)

    def join(self, rows: Iterator[Row], numbers: Numbers, where: str) -> Iterator[OrderRow]:
        """Yield one row per order of a table that was scanned: the second pass.

        Raises SourceError where too many orders have rows apart from each other.
        """
        kept: dict[str, Run] = {}
        count = 0
        for run in self._runs(rows, numbers.seen):
            if not run.number or run.number not in numbers.apart:
                yield from self._order(run)
                continue
            kept.setdefault(run.number, Run(run.number, run.named)).extend(run)
            count += len(run.rows)
            if count > MAX_ROWS_KEPT:
                raise SourceError(
                    f"{where}: the rows of its orders do not stand together, and they are too many to put together; "
                    "sort the export by order number."
                )
        for run in kept.values():
            yield from self._order(run)

    def _runs(self, rows: Iterator[Row], seen: NumberSet) -> Iterator[Run]:
        """Yield the rows of one order that follow each other. A blank number is the order of the row above."""
        run: Run | None = None
        for row, cells in rows:
            number = self._number_of(cells, seen) if isinstance(cells, BadRecord) else self._number(cells[ORDER_ID])
            if run is None or (number and number != run.number):
                if run is not None:
                    yield run
                run = Run(number)
            run.add(row, cells)
        if run is not None:
            run.total = self._lines.end_in_total([cells for _, cells in run.rows])
            yield run

    def _number(self, cell: str) -> str:
        return cell.strip().removeprefix(self._prefix)

    def _number_of(self, record: BadRecord, seen: NumberSet) -> str:
        """Return the order of a row that cannot be split; empty: the order of the row above.

        Behind other cells, the number may have moved. Then a number of another row is looked for.
        """
        if record.number is not None:
            return self._number(record.number)
        return next((number for number in map(self._number, record.pieces) if number and number in seen), "")

    def _order(self, run: Run) -> Iterator[OrderRow]:
        """Yield the order's row. One bad row spoils its order: it would go without a product, or with half an amount.

        Bad rows without a good one are rejected one by one.
        """
        number = run.number if run.named else ""
        if run.bad and not run.rows:
            yield from run.bad
        elif run.bad:
            row, record = run.bad[0]
            yield row, BadOrder(record.reason, record.pieces, number)
        elif run.too_long:
            yield run.rows[0][0], BadOrder(Reason.CELL_TOO_LARGE, [], number)
        elif run.total or (run.copied and run.differs):
            # A total below the orders; or two versions of the order, or one in pieces: its lines may count twice.
            yield run.rows[0][0], BadOrder(Reason.LINES_DISAGREE, [], number)
        else:
            yield run.rows[0][0], self._lines.join(number, [cells for _, cells in run.rows])
