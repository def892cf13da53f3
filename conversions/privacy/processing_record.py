"""The record of processing (GDPR art. 30), made from the settings and the policy in force, so that it cannot drift."""

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
"""By shape; whatever has another leaves in clear."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing about a person or a purchase that may leave; nothing that is not listed can."""

    path: str
    """Within an event."""
    form: str
    """clear | hashed | keyed."""
    class_: str
    what: str
    """In the policy's words."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One destination of the settings."""

    destination: str
    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What art. 30(1) asks for, as far as settings and policy know it; None where nobody has stated it."""

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
        """The settings that somebody should state for a complete record."""
        asked = {
            "privacy.controller": self.controller,
            "privacy.contact": self.contact,
            "privacy.balancing_test": self.balancing_test or self.legal_basis == "consent",
            "privacy.impact_assessment": self.impact_assessment,
        }
        return [name for name, stated in asked.items() if not stated]


def record(settings: Settings, clock: Clock) -> Record:
    """The record as of now. Raises SettingsError where the policy cannot be read."""
    privacy = settings.privacy
    policy = load_policy(settings.resolve(privacy.policy))
    return Record(
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


def html(found: Record, language: Language, settings: Settings) -> str:
    """The record as a paper."""
    return render("record.html", language, settings.zone, record=found)


def document(found: Record, language: Language) -> dict[str, Any]:
    """The record for another system; the texts are in *language*."""
    t, policy = messages(language), found.policy
    names = t["fields"] | t["record"]["fields"]
    return {
        "record_of": "GDPR article 30(1)",
        "made_at": found.at,
        "shop": found.shop,
        "controller": found.controller,
        "contact": found.contact,
        "purposes": [t["purpose"]["measure"]],
        "legal_basis": found.legal_basis,
        "legal_basis_text": t["record"]["bases"][found.legal_basis],
        "balancing_test": found.balancing_test,
        "impact_assessment": found.impact_assessment,
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
            for recipient in found.recipients
        ],
        "transfers": t["record"]["transfer"],
        "retention_days": found.retention_days,
        "security": t["record"]["security_list"],
        "policy": {
            "version": policy.version,
            "effective": policy.effective,
            "quoted_from": policy.quoted_from,
            "quote": policy.quote,
            "sha256": policy.sha256,
        },
        "not_stated": found.missing,
        "rehearsal": found.rehearsal,
        "version": __version__,
    }


def _items(policy: Policy, kind: str) -> tuple[Item, ...]:
    """What may be said of an order; envelopes are about the shop."""
    prefix = f"{EVENTS[kind]}[]."
    return tuple(_item(one, prefix) for one in policy.listings(kind) if one.class_ is not Class.ENVELOPE)


def _item(listing: Listing, prefix: str) -> Item:
    path = listing.path.removeprefix(prefix)
    return Item(path, FORMS.get(listing.shape, "clear"), str(listing.class_), listing.what)
