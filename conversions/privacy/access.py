"""The right of access (GDPR art. 15): everything that was sent about a person. Each look-up is logged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.policy import Listing, Policy, parse_policy
from conversions.disclosure.schema import EVENTS
from conversions.ledger import Clock
from conversions.ledger.subjects import access_log, records, suppressions
from conversions.ledger.subjects.access_log import AccessRecord
from conversions.ledger.subjects.records import SubjectOrder, Transfer
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

    order_no: str
    day: str
    """Day of purchase, ISO 8601."""
    recipient: str
    transfers: tuple[Transfer, ...]
    event: str
    """The exact text that was sent."""
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class UnsentOrder:
    """An order that was not sent to a destination, with the reason."""

    order_no: str
    day: str
    recipient: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    """Everything that the store contains about one person."""

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
    entries: list[Suppression]
    accesses: list[AccessRecord]


def answer(settings: Settings, clock: Clock, person: Person, purpose: str, case: str | None = None) -> AccessAnswer:
    """Log the look-up, then look up one person. Raises SettingsError where the key is not the store's key."""
    with shared_ledger(settings, clock) as ledger:
        access_log.record_access(ledger, purpose, person[0], case)
        with ledger.transaction() as connection:
            orders = [order for subject in person for order in records.subject_orders(connection, subject)]
            policies = _policies(connection, orders)
        return AccessAnswer(
            at=clock(),
            rehearsal=settings.rehearsal,
            controller=settings.privacy.controller,
            contact=settings.privacy.contact,
            kept_days=settings.privacy.retention_days,
            sent=[event for order in orders for event in _sent_events(order, policies)],
            not_sent=list(_unsent_orders(orders, _recipients(settings))),
            policies=sorted({p.version: p for p in policies.values()}.values(), key=lambda policy: policy.version),
            entries=[entry for subject in person for entry in suppressions.entries(ledger, subject)],
            accesses=[record for subject in person for record in access_log.records_of(ledger, subject)],
        )


def _policies(connection: Connection, orders: Iterable[SubjectOrder]) -> dict[str, Policy]:
    """The policies that applied to the person's events, by digest, with their text of that time."""
    used = {t.policy for order in orders for event in order.events for t in event.transfers}
    texts = {digest: records.policy_text(connection, digest) for digest in used}
    return {digest: parse_policy(text, f"The policy {digest[:8]}") for digest, text in texts.items() if text}


def _sent_events(order: SubjectOrder, policies: dict[str, Policy]) -> Iterator[DisclosedEvent]:
    for event in order.events:
        transfers = tuple(filter(_maybe_sent, event.transfers))
        if transfers and event.payload is not None:
            listings = _listings(transfers[-1], policies)
            fields = tuple(_field(path, value, listings) for path, value in _leaves(orjson.loads(event.payload)))
            text = event.payload.decode()
            yield DisclosedEvent(order.order_no, order.day, transfers[-1].recipient, transfers, text, fields)


def _unsent_orders(orders: Iterable[SubjectOrder], recipients: dict[str, str]) -> Iterator[UnsentOrder]:
    for o in orders:
        if not any(_maybe_sent(transfer) for event in o.events for transfer in event.transfers):
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
    form = {"sha256-hex": "hashed", "wire-id": "keyed"}.get(listing.shape, "clear")
    return Field(path, value, form, listing.class_, listing.what)


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
