"""The values that an auditor reads: attempts, their bodies, and their entries in the log."""

from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from hashlib import sha256

import orjson

from conversions.ledger.log.merkle import leaf_hash
from conversions.model.receipt import Outcome


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter of attempts; None does not filter."""

    zone: tzinfo
    """The shop's zone."""
    since: date | None = None
    """First and last day of the intent, in that zone, both included."""
    until: date | None = None
    run: int | None = None
    destination: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log."""

    number: int
    text: str
    """Canonical JSON (RFC 8785), without personal data of buyers; it names the operator."""

    @property
    def hash(self) -> str:
        """Leaf hash in the RFC 6962 tree, 64 lower-case hex characters."""
        return leaf_hash(self.text.encode()).hex()


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt to send: the request, who ran it, and the answer. Instants are aware UTC."""

    request_id: int
    parent_id: int | None
    """The attempt that this one retries, as a whole or in part."""
    run_id: int
    attempt: int
    """1 for the first request with these events."""
    destination: str
    recipient: str
    url: str
    route: dict[str, str] | None
    """The proxy, and the digest of the authorities in addition to the usual ones; None: directly."""
    headers: dict[str, str]
    """All headers but Authorization."""
    purpose: str
    intended_at: datetime
    answered_at: datetime | None
    http_status: int | None
    outcome: str | None
    """None while the request is in flight, and after a kill until a later run recovers it."""
    code: str | None
    reference: str | None
    warnings: list[str]
    events: int
    prefix: bytes = field(repr=False)
    suffix: bytes = field(repr=False)
    policy_version: str
    policy_sha256: str
    rules: str
    legal_basis: str
    settings_sha256: str
    operator: str
    host: str
    reason: str | None
    version: str
    rehearsal: bool
    intent: Entry
    answer: Entry | None

    @property
    def size(self) -> int:
        """Size of the body in bytes, as logged before the request was sent."""
        return int(orjson.loads(self.intent.text)["bytes"])


@dataclass(frozen=True, slots=True)
class Body:
    """The body that was sent, as far as the store still has it."""

    content: bytes | None = field(repr=False)
    """The exact bytes; None once one of its events is erased."""
    erased: int
    """Number of events without bytes."""

    @property
    def sha256(self) -> str | None:
        """64 lower-case hex characters; never stored, because a digest would help to guess erased data."""
        return None if self.content is None else sha256(self.content).hexdigest()
