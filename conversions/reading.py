"""From the shop's rows to sightings: every row counted, every order held to each platform's rules, no address kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes

from conversions.conversion import Conversion, Money, Reason, Window, Withheld
from conversions.convert import Rules, convert
from conversions.currency import as_stated, money
from conversions.destinations.base import Destination
from conversions.disclosure import Gate
from conversions.identity import Identity, identify
from conversions.ledger.sightings import Conflict, DraftRow, Seen, SightingRow, Sightings
from conversions.ledger.store import microseconds
from conversions.order import Order, RowRejected
from conversions.sources.base import Source

SALT_BYTES = 32
NO_CURRENCY = "XXX"
"""ISO 4217 for "no currency": stands in accounts for a cell that is none, whatever it says."""


@dataclass(frozen=True, slots=True)
class View:
    """One destination, the rules by which it sees an order, and the gate before it."""

    destination: Destination
    rules: Rules
    gate: Gate


@dataclass(slots=True)
class Reading:
    """What was read; rows = orders + repeated + outside the window + quarantined."""

    rows: int = 0
    outside_window: int = 0
    repeated: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    left_for_later: list[str] = field(default_factory=list)

    @property
    def orders(self) -> int:
        """Different orders in the window."""
        return self.rows - self.repeated - self.outside_window - self.quarantined.total()


def read(
    source: Source,
    window: Window,
    sightings: Sightings,
    disguised: Callable[[Iterable[list[Order]]], Iterable[Seen]],
    reject: Callable[[Sequence[RowRejected]], None],
    advance: Callable[[int], None],
) -> Reading:
    """Read the whole window into *sightings*; *reject* keeps what cannot be an order.

    Raises SourceError where the source as a whole cannot be read.
    """
    reading = Reading()

    def inside() -> Iterator[list[Order]]:
        for chunk in source.chunks(window):
            orders = [one for one in chunk if isinstance(one, Order)]
            chosen = [order for order in orders if window.since <= order.window_day <= window.until]
            reading.rows += len(chunk)
            reading.outside_window += len(orders) - len(chosen)
            if len(orders) < len(chunk):
                _count(reading, [one for one in chunk if isinstance(one, RowRejected)], reject)
            advance(len(chunk))
            yield chosen

    for seen in disguised(inside()):
        sightings.add(seen)
    sightings.resolve()
    reading.repeated = sightings.repeated()
    for conflict in sightings.conflicts():
        _count(reading, _rows_of(conflict), reject)
    reading.left_for_later = source.left_for_later()
    return reading


@dataclass(frozen=True, slots=True)
class Disguise:
    """How orders become sightings: an e-mail address ends its life in the call of this."""

    views: tuple[View, ...]
    subject_key: bytes = field(repr=False)
    now: datetime

    def __call__(self, orders: Iterable[Order]) -> Seen:
        """The sightings of *orders*, and every destination's draft of each."""
        sightings: list[tuple[object, ...]] = []
        drafts: list[tuple[object, ...]] = []
        for order in orders:
            identity = identify(order.email, self.subject_key)
            paid = money(order.amount - order.refunded, order.currency)
            stated = (
                paid if isinstance(paid, Money) else as_stated(order.amount - order.refunded, _code(order.currency))
            )
            sightings.append(_sighting(order, identity, stated))
            drafts.extend([_draft(order, identity, paid, stated, view, self.now) for view in self.views])
        return Seen(sightings, drafts)


def _sighting(order: Order, identity: Identity | Reason, stated: Money) -> tuple[object, ...]:
    return SightingRow(
        order.number,
        identity.subject if isinstance(identity, Identity) else None,
        microseconds(order.purchased_at),
        order.purchase_day.isoformat(),
        *order.rank,
        stated.minor,
        stated.currency,
        stated.exponent,
    )


def _draft(
    order: Order, identity: Identity | Reason, paid: Money | Reason, stated: Money, view: View, now: datetime
) -> tuple[object, ...]:
    match convert(order, identity, paid, view.rules, now):
        case Withheld(Reason.NOT_COMPLETED | Reason.AMOUNT_NOT_ABOVE_ZERO as reason):
            return DraftRow(reason, quarantined=0, due_minor=0)
        case Withheld(reason) as withheld:
            return DraftRow(reason, int(withheld.quarantined), stated.minor)
        case Conversion() as conversion:
            return DraftRow(
                None,
                0,
                stated.minor,
                conversion.fingerprint,
                conversion.wire_id,
                conversion.ready_at,
                conversion.expires_at,
                token_bytes(SALT_BYTES),
                view.destination.event(conversion),
            )


def _code(currency: str) -> str:
    return currency if len(currency) == 3 and currency.isascii() and currency.isalpha() else NO_CURRENCY


def _rows_of(conflict: Conflict) -> list[RowRejected]:
    return [RowRejected(f"order {conflict.order_no}", Reason.CONFLICT, conflict.order_no)] * conflict.rows


def _count(reading: Reading, rejected: Sequence[RowRejected], reject: Callable[[Sequence[RowRejected]], None]) -> None:
    reading.quarantined.update(row.reason for row in rejected)
    if rejected:
        reject(rejected)


def as_rows(rejected: Iterable[RowRejected]) -> list[tuple[str, str, str | None, str | None]]:
    """What the ledger keeps of rows that could not be orders."""
    return [(row.place, row.reason, row.order_no, row.field) for row in rejected]
