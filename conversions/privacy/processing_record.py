"""The record of processing (GDPR art. 30), made from the current settings and the approved policy."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversions import __version__
from conversions.catalogue import Language, messages
from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.forms import form, within_event
from conversions.disclosure.policy import Class, Policy
from conversions.ledger import Clock, open_read_only
from conversions.ledger.runs import approval_history, sending_rules
from conversions.ledger.runs.policies import approved
from conversions.reports.render import render
from conversions.settings import FileSource, Settings

RECIPIENTS = {"google": Google.recipient, "meta": Meta.recipient}


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
    orders_from: str | None
    """The address of the shop's exports, where they are not on this machine; without its user."""
    proxy: str | None
    """The proxy that the requests pass."""
    ca_file: str | None
    """The authority that is trusted in addition: the holder of its key can open the encryption on the way."""
    retention_days: int
    policy: Policy | None
    """The approved policy; None before the first run, which records its own."""
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
    """The record as of now. Raises LedgerError or SettingsError where the store cannot be read."""
    privacy = settings.privacy
    with open_read_only(settings, clock) as ledger:
        policy, rules = approved(ledger), approval_history.current(ledger, sending_rules.seal(settings)).rules
    approved_values = {name: value for name, (value, _) in rules.items()}
    return ProcessingRecord(
        at=clock(),
        shop=settings.shop,
        controller=privacy.controller,
        contact=privacy.contact,
        legal_basis=approved_values.get("privacy.legal_basis", privacy.legal_basis),
        balancing_test=privacy.balancing_test,
        impact_assessment=privacy.impact_assessment,
        recipients=tuple(
            Recipient(name, RECIPIENTS[section.kind], _items(policy, section.kind))
            for name, section in settings.destinations.items()
        ),
        orders_from=settings.source.elsewhere if isinstance(settings.source, FileSource) else None,
        proxy=approved_values.get("proxy") if rules else settings.proxy,
        ca_file=settings.ca_file,
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
        "orders_from": record.orders_from,
        "route": {"proxy": record.proxy, "ca_file": record.ca_file},
        "retention_days": record.retention_days,
        "security": t["record"]["security_list"],
        "policy": policy
        and {
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


def _items(policy: Policy | None, kind: str) -> tuple[Item, ...]:
    """The listed values about an order; values of class envelope are about the shop."""
    return tuple(
        Item(within_event(listing, kind), form(listing), str(listing.class_), listing.what)
        for listing in (policy.listings(kind) if policy else ())
        if listing.class_ is not Class.ENVELOPE
    )
