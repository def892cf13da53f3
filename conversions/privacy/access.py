"""The answer to a person who asks what was sent about them (GDPR art. 15): exact, complete, and itself logged."""

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
from conversions.privacy.objections import list_entries
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Field:
    """One value that was sent."""

    path: str
    value: Any
    form: str
    """clear | hashed | keyed."""
    class_: str
    """Why it left, as the policy has it: promised | technical | envelope | legal signal."""
    what: str
    """In the policy's words."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event of one order that left, or may have, and every attempt to send it."""

    order_no: str
    day: str
    """Of purchase, ISO 8601."""
    recipient: str
    transfers: tuple[Transfer, ...]
    event: str
    """The exact text; its fields below."""
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class NotSent:
    """An order that the shop knows and did not send to a destination, and why."""

    order_no: str
    day: str
    recipient: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that the shop's store holds of one person."""

    at: datetime
    """Aware, UTC."""
    rehearsal: bool
    controller: str | None
    contact: str | None
    kept_days: int
    """How long the exact text is kept, from the purchase on."""
    sent: list[Sent]
    not_sent: list[NotSent]
    policies: list[Policy]
    """That something left under, by version."""
    entries: list[Suppression]
    accesses: list[AccessRecord]


def answer(settings: Settings, clock: Clock, person: Person, purpose: str, case: str | None = None) -> Answer:
    """Look up one person; that somebody looked is logged first. Raises SettingsError where the key is another."""
    with list_entries(settings, clock) as ledger:
        access_log.record(ledger, purpose, person[0], case)
        with ledger.transaction() as connection:
            standings = [one for subject in person for one in records.subject_orders(connection, subject)]
            policies = _policies(connection, standings)
        return Answer(
            at=clock(),
            rehearsal=settings.rehearsal,
            controller=settings.privacy.controller,
            contact=settings.privacy.contact,
            kept_days=settings.privacy.retention_days,
            sent=[one for standing in standings for one in _sent(standing, policies)],
            not_sent=list(_not_sent(standings, _recipients(settings))),
            policies=sorted({p.version: p for p in policies.values()}.values(), key=lambda policy: policy.version),
            entries=[one for subject in person for one in suppressions.entries(ledger, subject)],
            accesses=[one for subject in person for one in access_log.records_of(ledger, subject)],
        )


def _policies(connection: Connection, standings: Iterable[SubjectOrder]) -> dict[str, Policy]:
    """By digest: those that the person's events left under, as they were then."""
    used = {t.policy for standing in standings for event in standing.events for t in event.transfers}
    texts = {digest: records.policy_text(connection, digest) for digest in used}
    return {digest: parse_policy(text, f"The policy {digest[:8]}") for digest, text in texts.items() if text}


def _sent(standing: SubjectOrder, policies: dict[str, Policy]) -> Iterator[Sent]:
    for event in standing.events:
        transfers = tuple(filter(_left, event.transfers))
        if transfers and event.payload is not None:
            listings = _listings(transfers[-1], policies)
            fields = tuple(_field(path, value, listings) for path, value in _leaves(orjson.loads(event.payload)))
            text = event.payload.decode()
            yield Sent(standing.order_no, standing.day, transfers[-1].recipient, transfers, text, fields)


def _not_sent(standings: Iterable[SubjectOrder], recipients: dict[str, str]) -> Iterator[NotSent]:
    for s in standings:
        if not any(_left(transfer) for event in s.events for transfer in event.transfers):
            yield NotSent(s.order_no, s.day, recipients.get(s.destination, s.destination), s.state, s.reason)


def _recipients(settings: Settings) -> dict[str, str]:
    """Whom each destination of the settings would have sent to, by name."""
    kinds = {"google": Google.recipient, "meta": Meta.recipient}
    return {name: kinds[section.kind] for name, section in settings.destinations.items()}


def _left(transfer: Transfer) -> bool:
    """Whether the bytes have left, or may have: without an outcome it is under way, or its run was killed."""
    return transfer.outcome != Outcome.NOT_SENT


def _listings(transfer: Transfer, policies: dict[str, Policy]) -> dict[str, Listing]:
    """What the policy says of each path within an event, whichever platform it is of."""
    policy = policies.get(transfer.policy)
    if policy is None:
        return {}
    within = [(f"{events}[].", kind) for kind, events in EVENTS.items()]
    return {
        listing.path.removeprefix(prefix): listing
        for prefix, kind in within
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
    """Every single value of an event, under its path."""
    match value:
        case dict():
            for name, below in value.items():
                yield from _leaves(below, f"{path}.{name}".lstrip("."))
        case list():
            for below in value:
                yield from _leaves(below, f"{path}[]")
        case _:
            yield path, value
