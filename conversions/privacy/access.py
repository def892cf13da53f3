"""The right of access (GDPR art. 15): everything that was sent about a person. Each look-up is logged."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection

from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.forms import promised_forms
from conversions.disclosure.policy import Policy, parse_policy
from conversions.ledger import Clock
from conversions.ledger.runs.policies import approved
from conversions.ledger.subjects import access_log, recipient_notices, records, suppressions
from conversions.ledger.subjects.access_log import AccessRecord
from conversions.ledger.subjects.purged import PurgedPurchases, purged_purchases
from conversions.ledger.subjects.recipient_notices import Erasure, RecipientNotice
from conversions.ledger.subjects.records import Rectified, SubjectOrder
from conversions.ledger.subjects.suppressions import Suppression
from conversions.model.subject import Person
from conversions.privacy.disclosed_events import (
    DisclosedEvent,
    UnsentOrder,
    disclosed_events,
    transfers_of,
    unsent_orders,
)
from conversions.privacy.objections import shared_ledger
from conversions.settings import Settings


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
            sent=[event for order in orders for event in disclosed_events(order, texts)],
            not_sent=list(unsent_orders(orders, _recipients(settings))),
            policies=used,
            forms=_forms(settings, max(used, key=lambda p: p.effective) if used else approved(ledger)),
            entries=entries,
            erasures=_erasures(erased, told),
            rectifications=_rectifications(orders, told),
            purged=purged,
            lost=lost,
            accesses=access_log.records_of(ledger, person),
        )


def _forms(settings: Settings, policy: Policy | None) -> dict[str, list[str]] | None:
    kinds = sorted({section.kind for section in settings.destinations.values()})
    return promised_forms(policy, kinds) if policy else None


def _erasures(erased: Iterable[Erasure], told: list[RecipientNotice]) -> list[ClosedRequest]:
    """One for each case and day: before schema 0005 a rotated key made two of one."""
    requests: dict[tuple[str, date], ClosedRequest] = {}
    for e in erased:
        notices = _notices(told, erasure=e.id)
        known = requests.setdefault((e.case, e.at.date()), ClosedRequest(e.at, e.case, ()))
        requests[e.case, e.at.date()] = replace(known, notices=known.notices + notices)
    return list(requests.values())


def _rectifications(orders: Iterable[SubjectOrder], told: list[RecipientNotice]) -> list[ClosedRequest]:
    """One for each rectification of orders of this person, and one for each of this person's address elsewhere."""
    numbers: dict[Rectified, list[str]] = {}
    for order in orders:
        if order.rectified and (order.rectified.own or any(map(transfers_of, order.events))):
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


def _recipients(settings: Settings) -> dict[str, str]:
    """The recipient of each destination in the settings."""
    kinds = {"google": Google.recipient, "meta": Meta.recipient}
    return {name: kinds[section.kind] for name, section in settings.destinations.items()}
