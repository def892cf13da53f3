"""From the shop's rows to sightings: every row counted, every order held to each platform's rules, no address kept."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import count

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.advice import sentence
from conversions.intake.sources.base import Source
from conversions.ledger.staging.snapshot import BadRow, DoubtRow, Resolved, Seen, Sightings
from conversions.model.conversion import Window
from conversions.model.read_counts import Reading


def read(
    source: Source,
    window: Window,
    sightings: Sightings,
    disguised: Callable[[Iterable[list[Order]]], Iterable[Seen]],
    resolve: Callable[[Sightings, Collection[str]], Resolved],
    advance: Callable[[int], None],
) -> Reading:
    """Read the whole window into *sightings*, and *resolve* what stands there more than once.

    Raises SourceError where the source as a whole cannot be read.
    """
    reading, settled, positions = Reading(explain=partial(sentence, source.unread)), set[str](), count(1)

    def inside() -> Iterator[list[Order]]:
        for chunk in source.chunks(window):
            orders = [one for one in chunk if isinstance(one, Order)]
            chosen = [order for order in orders if window.since <= order.window_day <= window.until]
            reading.rows += len(chunk)
            reading.outside_window += len(orders) - len(chosen)
            if len(orders) < len(chunk):
                _reject(reading, sightings, [one for one in chunk if isinstance(one, RowRejected)])
            reading.cover({order.window_day for order in orders})
            settled.update(*{order.settles for order in chosen})
            places = zip(chosen, positions, strict=False)
            sightings.doubt([_doubt(at, one) for order, at in places for one in order.doubts])
            advance(len(chunk))
            yield chosen

    for seen in disguised(inside()):
        sightings.add(seen)
    resolved = resolve(sightings, settled)
    reading.repeated = resolved.repeated
    reading.quarantined += resolved.set_aside
    reading.left_for_later = source.left_for_later()
    return reading


def _reject(reading: Reading, sightings: Sightings, rejected: Sequence[RowRejected]) -> None:
    reading.quarantined.update(row.reason for row in rejected)
    sightings.reject(BadRow(row.place, row.reason, row.order_no, row.field, row.content) for row in rejected)


def _doubt(position: int, row: RowRejected) -> DoubtRow:
    return DoubtRow(position, row.place, row.reason, row.order_no, row.field, row.content)
