"""The grammar of a destination: everything about one platform in one file, behind these names."""

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
    """What a platform takes."""

    events: int
    """At most so many in one request."""
    bytes: int
    """At most so many in one body."""
    max_age: timedelta
    """From the wire time of an event to its sending, margin included."""
    min_age: timedelta
    """From the real purchase to the sending."""
    resend: timedelta
    """How long after the first attempt an unanswered event may be sent again and still counts once."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body without its events: ``prefix + b",".join(events) + suffix``."""

    prefix: bytes
    suffix: bytes


class Destination(Protocol):
    """One ad account's inbox. ``send`` is called from several threads at once; the rest from one."""

    name: str
    """The settings section."""
    kind: str
    """``google`` or ``meta``: what the disclosure policy is listed under."""
    recipient: str
    """The company that receives, as an auditor writes it."""
    target: str
    """Where exactly: account and conversion action, or dataset. Part of every wire id, pinned at first use."""
    url: str
    """Without query and credentials."""
    identity_rule: str
    """Name of the dated rule in ``identity`` that makes the digest."""
    limits: Limits
    headers: dict[str, str]
    """As sent and logged; never ``Authorization``."""

    def event(self, conversion: Conversion) -> bytes:
        """The bytes of one event: compact JSON that survives parse and dump unchanged."""

    def adjusted_event(self, event: bytes, value: Money) -> bytes | None:
        """The bytes that correct the value of an *event* that the platform holds, or None where it has no correction.

        All but the value is *event*'s own; a *value* of 0 is a full refund.
        """

    def envelope(self, upload_tag: str) -> Envelope:
        """What stands around the events; ``upload_tag`` names the run where the platform takes one."""

    def send(self, body: bytes, events: int) -> Receipt:
        """POST once, exactly *body*, and judge the answer; never sends again on its own and never raises for it.

        Raises ``Unauthorised`` only where no credential could be had, before anything left.
        """

    def check_credentials(self) -> None:
        """Raise ``Unauthorised`` where there is no credential to send with; nobody is asked."""

    def authorise(self) -> None:
        """Have what sending takes. Raises ``Unauthorised`` where there is no credential, or it is worth nothing."""

    def advice(self, code: str) -> str | None:
        """What a person does about a refusal by ``Receipt.code``, where that is known: where to click, what to set."""


@runtime_checkable
class ReportsStatus(Protocol):
    """A destination whose platform tells later what became of each event."""

    name: str

    def diagnose(self, reference: str, events: int) -> Diagnosis:
        """Ask once what became of a request of so many *events*, which the platform knows as *reference*.

        Raises nothing for the answer but ``Unauthorised``, where there is no credential or the platform takes none.
        """

    def fix(self, reason: str) -> str:
        """What a person does about *reason*, one of those that are the account's."""


@runtime_checkable
class RatesEvents(Protocol):
    """A destination whose platform rates what it gets."""

    name: str

    def scores(self) -> Mapping[str, float]:
        """Ask once for its figures, by their names there; empty where there is no answer, for whatever reason."""


@runtime_checkable
class ValidatesOnly(Protocol):
    """A destination whose platform checks a request on demand, and takes nothing of it."""

    def as_validate_only(self, body: bytes) -> bytes:
        """*body*, a finished one that has passed the gate, with one constant more: nothing of it is to be taken."""


def compact(event: Mapping[str, object]) -> bytes:
    """*event* as compact JSON; copied, since each result of orjson keeps four kilobytes, however short it is."""
    return bytes(memoryview(orjson.dumps(event)))
