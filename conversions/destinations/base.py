"""The interface of a destination. Everything about one platform is in its own package, behind these names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

import orjson

from conversions.model.conversion import Conversion, Money
from conversions.model.late_result import Diagnosis
from conversions.model.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a platform."""

    events: int
    """Maximum number of events in one request."""
    bytes: int
    """Maximum size of one body."""
    max_age: timedelta
    """Maximum time from an event's time, as sent, to its sending; the margin is subtracted already."""
    min_age: timedelta
    """Minimum time from the purchase to the sending."""
    resend: timedelta
    """Time after the first attempt in which an unanswered event may be sent again and still counts once."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body without its events: ``prefix + b",".join(events) + suffix``."""

    prefix: bytes
    suffix: bytes


class Destination(Protocol):
    """One conversion action or dataset. Several threads call ``send`` at the same time; one thread calls the rest."""

    name: str
    """The settings section."""
    kind: str
    """``google`` or ``meta``: the section of the disclosure policy."""
    recipient: str
    """The company that receives the data, as auditors name it."""
    target: str
    """Account and conversion action, or dataset. Part of every wire id; bound to the store at first use."""
    url: str
    """Without query and credentials."""
    identity_rule: str
    """Name of the dated rule in ``intake.identity`` that makes the digest."""
    limits: Limits
    route: str | None
    """How its requests leave this machine, as the log stores it; None: directly."""
    headers: dict[str, str]
    """Headers as sent and logged; never ``Authorization``."""

    def event(self, conversion: Conversion) -> bytes:
        """Return the bytes of one event: compact JSON that stays the same when parsed and written again."""

    def adjusted_event(self, event: bytes, value: Money) -> bytes | None:
        """Return the bytes that adjust the value of an *event* that was sent, or None where the platform has no way.

        Everything but the value is the same as in *event*; a *value* of 0 is a full refund.
        """

    def envelope(self, upload_tag: str) -> Envelope:
        """Return the bytes around the events; ``upload_tag`` names the run where the platform accepts a tag."""

    def send(self, body: bytes, events: int) -> Receipt:
        """POST exactly *body* once and classify the answer. Never retries, and never raises for an answer.

        Raises ``Unauthorised`` only where no credential is available, before any byte is sent.
        """

    def check_credentials(self) -> None:
        """Raise ``Unauthorised`` where no credential is configured. Makes no request."""

    def authorise(self) -> None:
        """Get the credential for sending. Raises ``Unauthorised`` where there is none, or the platform refuses it."""

    def advice(self, code: str) -> str | None:
        """Return what an operator does about a refusal with this ``Receipt.code``, or None where it is unknown."""


@runtime_checkable
class ReportsStatus(Protocol):
    """A destination with diagnostics: the platform reports the status of each event later."""

    name: str
    kind: str

    def diagnose(self, reference: str, events: int) -> Diagnosis:
        """Poll once for the status of a request with *events* events; *reference* is the platform's id of it.

        Raises only ``Unauthorised``, where there is no credential or the platform refuses it.
        """

    def fix(self, reason: str) -> str:
        """Return what an operator does about *reason*, a fault of the account."""


@runtime_checkable
class RatesEvents(Protocol):
    """A destination with quality scores: the platform rates the events that it receives."""

    name: str

    def scores(self) -> Mapping[str, float]:
        """Request the quality scores once, by the platform's names; empty without a usable answer."""


@runtime_checkable
class ValidatesOnly(Protocol):
    """A destination with validation requests: the platform checks the events and records none."""

    def as_validate_only(self, body: bytes) -> bytes:
        """Return *body* with one more constant that asks only for validation. *body* has passed the gate already."""


def title(name: str, kind: str) -> str:
    """Return what a sentence calls the destination *name*: the platform, with the section's name where it differs."""
    return kind.capitalize() if name == kind else f"{kind.capitalize()} ({name})"


def compact(event: Mapping[str, object]) -> bytes:
    """Return *event* as compact JSON, copied, because each result of orjson occupies at least four kilobytes."""
    return bytes(memoryview(orjson.dumps(event)))
