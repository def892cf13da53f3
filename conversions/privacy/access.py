"""The right of access (GDPR art. 15): everything that was sent about a person. Each look-up is logged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.forms import form, promised_forms
from conversions.disclosure.policy import Listing, Policy, parse_policy
from conversions.disclosure.schema import EVENTS
from conversions.ledger import Clock
from conversions.ledger.runs.policies import approved
from conversions.ledger.subjects import access_log, recipient_notices, records, suppressions
from conversions.ledger.subjects.access_log import AccessRecord
from conversions.ledger.subjects.purged import PurgedPurchases, purged_purchases
from conversions.ledger.subjects.recipient_notices import Erasure, RecipientNotice
from conversions.ledger.subjects.records import Rectified, SentEvent, SubjectOrder, Transfer
from conversions.ledger.subjects.suppressions import Suppression
from conversions.model.receipt import Outcome
from conversions.model.subject import Person
from conversions.privacy.objections import shared_ledger
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Field:
    """One value that was sent."""

    path: str
    value: Any
    form: str
    """clear | hashed | keyed."""
    class_: str
    """Its class in the policy: promised | technical | envelope | legal signal."""
    what: str
    """Its description in the policy."""


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


@dataclass(frozen=True, slots=True)
class ClosedRequest:
    """An erasure or a rectification, and the recipients that were told, or are still to be told."""

    at: datetime
    """Aware, UTC."""
    case: str
    notices: tuple[RecipientNotice, ...]
    own: bool = True
    """Of a rectification: True where the orders are this person's, False where only the address was."""
    orders: tuple[str, ...] = ()
    """Of a rectification of this person's orders."""


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    """Everything that the store contains about one person, and what it does not contain any more."""

    at: datetime
    """Aware, UTC."""
    rehearsal: bool
    controller: str | None
    contact: str | None
    kept_days: int
    """Days after the purchase until the exact text is deleted."""
    sent: list[DisclosedEvent]
    not_sent: list[UnsentOrder]
    policies: list[Policy]
    """The policies that applied to the sent events, by version."""
    forms: dict[str, list[str]] | None
    """Paths of the promised data by form, under the latest of these policies, else under the approved one; None: no
    policy is approved yet."""
    entries: list[Suppression]
    erasures: list[ClosedRequest]
    rectifications: list[ClosedRequest]
    purged: PurgedPurchases | None
    """Purchases that may have been this person's; the store does not know."""
    lost: tuple[datetime, datetime] | None
    """A time of which the store has no record, because an older copy was restored; aware, UTC."""
    accesses: list[AccessRecord]

    @property
    def empty(self) -> bool:
        """Whether the store knows, and knew, nothing of this person."""
        held = (self.sent, self.not_sent, self.entries, self.erasures, self.rectifications)
        return not any(held)


def answer(settings: Settings, clock: Clock, person: Person, purpose: str, case: str | None = None) -> AccessAnswer:
    """Log the look-up, then look up one person. Raises SettingsError where the key is not the store's key."""
    with shared_ledger(settings, clock) as ledger:
        access_log.record_access(ledger, purpose, person[0], case)
        entries = suppressions.entries(ledger, person)
        with ledger.transaction() as connection:
            orders = records.subject_orders(connection, person)
            texts = _policies(connection, orders)
            purged = purged_purchases(connection)
            lost = records.lost_time(connection)
            erased = recipient_notices.erasures(connection, person)
        used = sorted({p.version: p for p in texts.values()}.values(), key=lambda policy: policy.version)
        told = recipient_notices.notices(ledger)
        return AccessAnswer(
            at=clock(),
            rehearsal=settings.rehearsal,
            controller=settings.privacy.controller,
            contact=settings.privacy.contact,
            kept_days=settings.privacy.retention_days,
            sent=[event for order in orders for event in _sent_events(order, texts)],
            not_sent=list(_unsent_orders(orders, _recipients(settings))),
            policies=used,
            forms=_forms(settings, max(used, key=lambda p: p.effective) if used else approved(ledger)),
            entries=entries,
            erasures=_erasures(erased, told),
            rectifications=_rectifications(orders, told),
            purged=purged,
            lost=lost,
            accesses=sorted((r for subject in person for r in access_log.records_of(ledger, subject)), key=_at),
        )


def _at(record: AccessRecord) -> datetime:
    return record.at


def _forms(settings: Settings, policy: Policy | None) -> dict[str, list[str]] | None:
    kinds = sorted({section.kind for section in settings.destinations.values()})
    return promised_forms(policy, kinds) if policy else None


def _erasures(erased: Iterable[Erasure], told: list[RecipientNotice]) -> list[ClosedRequest]:
    """One for each case and day: before schema 0005 a rotated key made two of one."""
    found: dict[tuple[str, date], ClosedRequest] = {}
    for e in erased:
        notices = _notices(told, erasure=e.id)
        known = found.setdefault((e.case, e.at.date()), ClosedRequest(e.at, e.case, ()))
        found[e.case, e.at.date()] = replace(known, notices=known.notices + notices)
    return list(found.values())


def _rectifications(orders: Iterable[SubjectOrder], told: list[RecipientNotice]) -> list[ClosedRequest]:
    """One for each rectification of orders of this person, and one for each of this person's address elsewhere."""
    numbers: dict[Rectified, list[str]] = {}
    for order in orders:
        if order.rectified and (order.rectified.own or any(map(_transfers, order.events))):
            numbers.setdefault(order.rectified, []).append(order.order_no)
    return [
        ClosedRequest(r.at, r.case, _notices(told, rectification=r.id), r.own, tuple(dict.fromkeys(n)) if r.own else ())
        for r, n in numbers.items()
    ]


def _notices(told: Iterable[RecipientNotice], **cause: int) -> tuple[RecipientNotice, ...]:
    return tuple(n for n in told if all(getattr(n, name) == number for name, number in cause.items()))


def _policies(connection: Connection, orders: Iterable[SubjectOrder]) -> dict[str, Policy]:
    """The policies that applied to the person's events, by digest, with their text of that time."""
    used = {t.policy for order in orders for event in order.events for t in event.transfers}
    texts = {digest: records.policy_text(connection, digest) for digest in used}
    return {digest: parse_policy(text, f"The policy {digest[:8]}") for digest, text in texts.items() if text}


def _sent_events(order: SubjectOrder, policies: dict[str, Policy]) -> Iterator[DisclosedEvent]:
    own_order = order.rectified is None or order.rectified.own
    for event in order.events:
        transfers = _transfers(event)
        if not transfers or (event.payload is None and order.rectified is None):
            continue
        fields = _fields(event, transfers[-1], policies)
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


def _fields(event: SentEvent, transfer: Transfer, policies: dict[str, Policy]) -> tuple[Field, ...]:
    if event.payload is None:
        return ()
    listings = _listings(transfer, policies)
    return tuple(_field(path, value, listings) for path, value in _leaves(orjson.loads(event.payload)))


def _transfers(event: SentEvent) -> tuple[Transfer, ...]:
    return tuple(filter(_maybe_sent, event.transfers))


def _unsent_orders(orders: Iterable[SubjectOrder], recipients: dict[str, str]) -> Iterator[UnsentOrder]:
    for o in orders:
        if not any(map(_transfers, o.events)) and (o.rectified is None or o.rectified.own):
            yield UnsentOrder(o.order_no, o.day, recipients.get(o.destination, o.destination), o.state, o.reason)


def _recipients(settings: Settings) -> dict[str, str]:
    """The recipient of each destination in the settings."""
    kinds = {"google": Google.recipient, "meta": Meta.recipient}
    return {name: kinds[section.kind] for name, section in settings.destinations.items()}


def _maybe_sent(transfer: Transfer) -> bool:
    """Whether bytes were or may have been sent: a transfer without outcome is in flight, or its run was killed."""
    return transfer.outcome != Outcome.NOT_SENT


def _listings(transfer: Transfer, policies: dict[str, Policy]) -> dict[str, Listing]:
    """The policy's listing of each path within an event, for all platforms."""
    policy = policies.get(transfer.policy)
    if policy is None:
        return {}
    prefixes = [(f"{events}[].", kind) for kind, events in EVENTS.items()]
    return {
        listing.path.removeprefix(prefix): listing
        for prefix, kind in prefixes
        for listing in policy.listings(kind)
        if listing.path.startswith(prefix)
    }


def _field(path: str, value: Any, listings: dict[str, Listing]) -> Field:
    listing = listings.get(path)
    if listing is None:
        return Field(path, value, "clear", "", path)
    return Field(path, value, form(listing), listing.class_, listing.what)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar value of an event, with its path."""
    match value:
        case dict():
            for name, child in value.items():
                yield from _leaves(child, f"{path}.{name}".lstrip("."))
        case list():
            for child in value:
                yield from _leaves(child, f"{path}[]")
        case _:
            yield path, value
