"""From the shop's rows to sightings: every row counted, every order held to each platform's rules, no address kept."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import count

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.advice import sentence
from conversions.intake.sources.base import Source
from conversions.ledger.staging.snapshot import AmbiguousRow, BadRow, Resolved, SnapshotBatch, SourceSnapshot
from conversions.model.conversion import Window
from conversions.model.read_counts import ReadCounts


def read(
    source: Source,
    window: Window,
    snapshot: SourceSnapshot,
    pseudonymize: Callable[[Iterable[list[Order]]], Iterable[SnapshotBatch]],
    resolve: Callable[[SourceSnapshot, Collection[str]], Resolved],
    advance: Callable[[int], None],
) -> ReadCounts:
    """Read the whole window into *sightings*, and *resolve* what stands there more than once.

    Raises SourceError where the source as a whole cannot be read.
    """
    reading, settled, positions = ReadCounts(explain=partial(sentence, source.unparsed)), set[str](), count(1)

    def inside() -> Iterator[list[Order]]:
        for chunk in source.chunks(window):
            orders = [one for one in chunk if isinstance(one, Order)]
            chosen = [order for order in orders if window.since <= order.window_day <= window.until]
            reading.rows += len(chunk)
            reading.outside_window += len(orders) - len(chosen)
            if len(orders) < len(chunk):
                _reject(reading, snapshot, [one for one in chunk if isinstance(one, RowRejected)])
            reading.widen_span({order.window_day for order in orders})
            settled.update(*{order.settles for order in chosen})
            places = zip(chosen, positions, strict=False)
            snapshot.doubt([_doubt(at, one) for order, at in places for one in order.doubts])
            advance(len(chunk))
            yield chosen

    for seen in pseudonymize(inside()):
        snapshot.add(seen)
    resolved = resolve(snapshot, settled)
    reading.repeated = resolved.repeated
    reading.quarantined += resolved.set_aside
    reading.skipped_files = source.skipped_files()
    return reading


def _reject(reading: ReadCounts, snapshot: SourceSnapshot, rejected: Sequence[RowRejected]) -> None:
    reading.quarantined.update(row.reason for row in rejected)
    snapshot.reject(BadRow(row.place, row.reason, row.order_no, row.field, row.content) for row in rejected)


def _doubt(position: int, row: RowRejected) -> AmbiguousRow:
    return AmbiguousRow(position, row.place, row.reason, row.order_no, row.field, row.content)
