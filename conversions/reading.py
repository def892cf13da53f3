"""From the shop's rows to sightings: every row counted, every order held to each platform's rules, no address kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from conversions.conversion import Consent, Conversion, Money, Reason, Window, Withheld
from conversions.convert import Rules, convert
from conversions.currency import as_stated
from conversions.destinations.base import Destination
from conversions.disclosure import Gate
from conversions.errors import DisclosureError, SettingsError
from conversions.identity import Identity, identify
from conversions.ledger.matrix import Draft
from conversions.ledger.sightings import Conflict, Sighting, Sightings
from conversions.ledger.store import microseconds
from conversions.order import Order, RowRejected
from conversions.sources.base import Source

NO_CURRENCY = "XXX"
"""ISO 4217 for "no currency": stands in accounts for a cell that is none, whatever it says."""


@dataclass(frozen=True, slots=True)
class View:
    """One destination, the rules by which it sees an order, and the gate before it."""

    destination: Destination
    rules: Rules
    gate: Gate

    def check(self) -> None:
        """Raise SettingsError where the policy does not let leave what every event of this destination holds.

        What differs from order to order is held to the same shapes by ``convert``, so that a misfit there is one
        order's; the gate asks both again before each sending.
        """
        made_up = Conversion(
            wire_id="c-" + "0" * 32 if self.rules.reference == "wire_id" else "order-0",
            email_sha256="0" * 64,
            value=Decimal(1),
            currency="DKK",
            product_ids=("0",),
            event_at=1_700_000_000,
            ready_at=0,
            expires_at=0,
            fingerprint=b"",
            ad_user_data=Consent.GRANTED,
            ad_personalization=Consent.GRANTED,
        )
        envelope = self.destination.envelope("conversions-run-0")
        try:
            self.gate.check(envelope.prefix + self.destination.event(made_up) + envelope.suffix, 1)
        except DisclosureError as error:
            raise SettingsError(str(error)) from None


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
    disguise: Callable[[Order], Sighting],
    reject: Callable[[Sequence[RowRejected]], None],
    advance: Callable[[int], None],
) -> Reading:
    """Read the whole window into *sightings*; *reject* keeps what cannot be an order.

    Raises SourceError where the source as a whole cannot be read.
    """
    reading = Reading()
    for chunk in source.chunks(window):
        reading.rows += len(chunk)
        orders = [one for one in chunk if isinstance(one, Order)]
        inside = [order for order in orders if window.since <= order.window_day <= window.until]
        reading.outside_window += len(orders) - len(inside)
        sightings.add(map(disguise, inside))
        _count(reading, [one for one in chunk if isinstance(one, RowRejected)], reject)
        advance(len(chunk))
    reading.repeated = sightings.repeated()
    for conflict in sightings.conflicts():
        _count(reading, _rows_of(conflict), reject)
    reading.left_for_later = source.left_for_later()
    return reading


def disguised(views: Sequence[View], subject_key: bytes, now: datetime) -> Callable[[Order], Sighting]:
    """How an order becomes a sighting: the e-mail address ends its life in the function that this returns."""

    def disguise(order: Order) -> Sighting:
        identity = identify(order.email, subject_key)
        stated = as_stated(order.amount - order.refunded, _code(order.currency))
        return Sighting(
            order_no=order.number,
            subject=identity.subject if isinstance(identity, Identity) else None,
            purchased_us=microseconds(order.purchased_at),
            day=order.purchase_day.isoformat(),
            rank=order.rank,
            stated=stated,
            drafts=tuple([_draft(order, identity, stated, view, now) for view in views]),
        )

    return disguise


def _draft(order: Order, identity: Identity | Reason, stated: Money, view: View, now: datetime) -> Draft:
    match convert(order, identity, view.rules, now):
        case Withheld(Reason.NOT_COMPLETED | Reason.AMOUNT_NOT_ABOVE_ZERO as reason):
            return Draft(reason, quarantined=False, due=Money(0, stated.currency, stated.exponent), fingerprint=None)
        case Withheld(reason) as withheld:
            return Draft(reason, quarantined=withheld.quarantined, due=stated, fingerprint=None)
        case Conversion() as conversion:
            return Draft(
                reason=None,
                quarantined=False,
                due=stated,
                fingerprint=conversion.fingerprint,
                event=view.destination.event(conversion),
                wire_id=conversion.wire_id,
                ready_at=conversion.ready_at,
                expires_at=conversion.expires_at,
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
