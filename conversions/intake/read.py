"""Reads the shop's rows into the snapshot: counts every row, pseudonymises every order, and keeps no address."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.advice import message
from conversions.intake.sources.base import Source
from conversions.ledger.staging.snapshot import AmbiguousRow, BadRow, Resolution, SnapshotBatch, SourceSnapshot
from conversions.model.conversion import Window
from conversions.model.read_counts import ReadCounts


@dataclass(frozen=True, slots=True)
class Target:
    """The snapshot of one reading, and how orders get into it."""

    snapshot: SourceSnapshot
    pseudonymize: Callable[[Iterable[list[Order]]], Iterable[SnapshotBatch]]
    """Turns chunks of orders into rows without an address, in the same order."""
    resolve: Callable[[Collection[str]], Resolution]
    """Resolves repeated orders; takes our columns in which a row of the window shows decimals."""
    known: Callable[[Collection[str]], Collection[str]]
    """Returns which of these order numbers are read although they are of a day outside the window."""


def read(source: Source, window: Window, target: Target, advance: Callable[[int], None]) -> ReadCounts:
    """Read the whole window into *target*, and resolve the orders that appear more than once.

    *advance* gets the number of rows of each chunk. Raises SourceError where the source as a whole cannot be read.
    """
    counts, decimal_columns = ReadCounts(explain=partial(message, source.unparsed)), set[str]()
    snapshot, positions = target.snapshot, count(1)

    def orders_in_window() -> Iterator[list[Order]]:
        for chunk in source.chunks(window):
            orders = [row for row in chunk if isinstance(row, Order)]
            chosen = _chosen(orders, window, target.known)
            counts.rows += len(chunk)
            counts.outside_window += len(orders) - len(chosen)
            if len(orders) < len(chunk):
                _reject(counts, snapshot, [row for row in chunk if isinstance(row, RowRejected)])
            counts.widen_span({order.window_day for order in orders})
            decimal_columns.update(*{order.decimal_columns for order in chosen})
            placed = zip(chosen, positions, strict=False)
            snapshot.add_ambiguous([_ambiguous(position, row) for order, position in placed for row in order.ambiguous])
            advance(len(chunk))
            yield chosen

    for batch in target.pseudonymize(orders_in_window()):
        snapshot.add(batch)
    resolved = target.resolve(decimal_columns)
    counts.repeated = resolved.repeated
    counts.quarantined += resolved.set_aside
    counts.skipped_files = source.skipped_files()
    counts.without_sku = getattr(source, "without_sku", 0)  # only shop systems name products by their SKU
    counts.refused_files = source.refused_files()
    return counts


def _chosen(orders: list[Order], window: Window, known: Callable[[Collection[str]], Collection[str]]) -> list[Order]:
    """Return the orders of the window, and those of other days whose change this run has to see."""
    others = {order.number for order in orders if not window.since <= order.window_day <= window.until}
    wanted = known(others) if others else ()
    return [order for order in orders if window.since <= order.window_day <= window.until or order.number in wanted]


def _reject(counts: ReadCounts, snapshot: SourceSnapshot, rejected: Sequence[RowRejected]) -> None:
    counts.quarantined.update(row.reason for row in rejected)
    snapshot.add_bad_rows(BadRow(row.place, row.reason, row.order_no, row.field, row.content) for row in rejected)


def _ambiguous(position: int, row: RowRejected) -> AmbiguousRow:
    return AmbiguousRow(position, row.place, row.reason, row.order_no, row.field, row.content)
