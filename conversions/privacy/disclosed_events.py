"""The events that were sent about a person, field by field, and the orders that were not sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conversions.disclosure.fields import Field, fields_of
from conversions.disclosure.policy import Policy
from conversions.ledger.subjects.records import SentEvent, SubjectOrder, Transfer
from conversions.model.receipt import Outcome


@dataclass(frozen=True, slots=True)
class DisclosedEvent:
    """One event of an order that was sent, or may have been sent, with every attempt."""

    order_no: str | None
    """None for an order of another person that had this person's address."""
    day: str | None
    """Day of purchase, ISO 8601."""
    recipient: str
    transfers: tuple[Transfer, ...]
    event: str | None
    """The exact text that was sent; None where it has the address of another, or is erased."""
    fields: tuple[Field, ...]
    own: bool = True
    """False where it had the address of another."""


@dataclass(frozen=True, slots=True)
class UnsentOrder:
    """An order that was not sent to a destination, with the reason."""

    order_no: str
    day: str
    recipient: str
    state: str
    reason: str | None


def disclosed_events(order: SubjectOrder, policies: dict[str, Policy]) -> Iterator[DisclosedEvent]:
    """Yield each event of *order* that was sent, or may have been; *policies* by digest."""
    own_order = order.rectified is None or order.rectified.own
    for event in order.events:
        transfers = transfers_of(event)
        if not transfers or (event.payload is None and order.rectified is None):
            continue
        fields = fields_of(event.payload or b"{}", policies.get(transfers[-1].policy))
        if not own_order or not event.own:  # of an order, the address and the rest are two persons'
            fields = tuple(field for field in fields if (field.form == "hashed") is not own_order)
        whole = own_order and event.own and event.payload is not None
        yield DisclosedEvent(
            order_no=order.order_no if own_order else None,
            day=order.day if own_order else None,
            recipient=transfers[-1].recipient,
            transfers=transfers,
            event=event.payload.decode() if whole and event.payload else None,
            fields=fields,
            own=event.own and own_order,
        )


def transfers_of(event: SentEvent) -> tuple[Transfer, ...]:
    """Return the attempts of *event* that the recipient may have received."""
    return tuple(filter(_maybe_sent, event.transfers))


def unsent_orders(orders: Iterable[SubjectOrder], recipients: dict[str, str]) -> Iterator[UnsentOrder]:
    """Yield the orders of which nothing was sent; *recipients* by destination."""
    for o in orders:
        if not any(map(transfers_of, o.events)) and (o.rectified is None or o.rectified.own):
            yield UnsentOrder(o.order_no, o.day, recipients.get(o.destination, o.destination), o.state, o.reason)


def _maybe_sent(transfer: Transfer) -> bool:
    """Whether bytes were or may have been sent: a transfer without outcome is in flight, or its run was killed."""
    return transfer.outcome != Outcome.NOT_SENT
