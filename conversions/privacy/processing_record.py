"""The record of processing (GDPR art. 30), made from the current settings and policy, so that it is never outdated."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversions import __version__
from conversions.catalogue import Language, messages
from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.policy import Class, Listing, Policy, load_policy
from conversions.disclosure.schema import EVENTS
from conversions.ledger import Clock
from conversions.reports.render import render
from conversions.settings import Settings

RECIPIENTS = {"google": Google.recipient, "meta": Meta.recipient}
FORMS = {"sha256-hex": "hashed", "wire-id": "keyed"}
"""Form by shape; every other shape is sent in clear."""


@dataclass(frozen=True, slots=True)
class Item:
    """One value about a person or a purchase that the policy lists; no other value can be sent."""

    path: str
    """Path within an event."""
    form: str
    """clear | hashed | keyed."""
    class_: str
    what: str
    """Its description in the policy."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One destination of the settings."""

    destination: str
    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class ProcessingRecord:
    """The content of art. 30(1), from settings and policy; None where a setting is missing."""

    at: datetime
    """Aware, UTC."""
    shop: str
    controller: str | None
    contact: str | None
    legal_basis: str
    balancing_test: str | None
    impact_assessment: str | None
    recipients: tuple[Recipient, ...]
    retention_days: int
    policy: Policy
    rehearsal: bool

    @property
    def missing(self) -> list[str]:
        """Names of the settings that a complete record still needs."""
        required = {
            "privacy.controller": self.controller,
            "privacy.contact": self.contact,
            "privacy.balancing_test": self.balancing_test or self.legal_basis == "consent",
            "privacy.impact_assessment": self.impact_assessment,
        }
        return [name for name, stated in required.items() if not stated]


def processing_record(settings: Settings, clock: Clock) -> ProcessingRecord:
    """The record as of now. Raises SettingsError where the policy cannot be read."""
    privacy = settings.privacy
    policy = load_policy(settings.resolve(privacy.policy))
    return ProcessingRecord(
        at=clock(),
        shop=settings.shop,
        controller=privacy.controller,
        contact=privacy.contact,
        legal_basis=privacy.legal_basis,
        balancing_test=privacy.balancing_test,
        impact_assessment=privacy.impact_assessment,
        recipients=tuple(
            Recipient(name, RECIPIENTS[section.kind], _items(policy, section.kind))
            for name, section in settings.destinations.items()
        ),
        retention_days=privacy.retention_days,
        policy=policy,
        rehearsal=settings.rehearsal,
    )


def html(record: ProcessingRecord, language: Language, settings: Settings) -> str:
    """The record as an HTML page."""
    return render("record.html", language, settings.zone, record=record)


def document(record: ProcessingRecord, language: Language) -> dict[str, Any]:
    """The record as JSON for another system; the texts are in *language*."""
    t, policy = messages(language), record.policy
    names = t["fields"] | t["record"]["fields"]
    return {
        "record_of": "GDPR article 30(1)",
        "made_at": record.at,
        "shop": record.shop,
        "controller": record.controller,
        "contact": record.contact,
        "purposes": [t["purpose"]["measure"]],
        "legal_basis": record.legal_basis,
        "legal_basis_text": t["record"]["bases"][record.legal_basis],
        "balancing_test": record.balancing_test,
        "impact_assessment": record.impact_assessment,
        "categories_of_persons": [t["record"]["persons_text"]],
        "recipients": [
            {
                "destination": recipient.destination,
                "recipient": recipient.name,
                "role": t["roles"][recipient.name],
                "data": [
                    {"path": i.path, "name": names.get(i.path, i.what), "form": i.form, "class": i.class_}
                    for i in recipient.items
                ],
            }
            for recipient in record.recipients
        ],
        "transfers": t["record"]["transfer"],
        "retention_days": record.retention_days,
        "security": t["record"]["security_list"],
        "policy": {
            "version": policy.version,
            "effective": policy.effective,
            "quoted_from": policy.quoted_from,
            "quote": policy.quote,
            "sha256": policy.sha256,
        },
        "not_stated": record.missing,
        "rehearsal": record.rehearsal,
        "version": __version__,
    }


def _items(policy: Policy, kind: str) -> tuple[Item, ...]:
    """The listed values about an order; values of class envelope are about the shop."""
    prefix = f"{EVENTS[kind]}[]."
    return tuple(_item(listing, prefix) for listing in policy.listings(kind) if listing.class_ is not Class.ENVELOPE)


def _item(listing: Listing, prefix: str) -> Item:
    path = listing.path.removeprefix(prefix)
    return Item(path, FORMS.get(listing.shape, "clear"), str(listing.class_), listing.what)
