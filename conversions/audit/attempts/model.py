"""What an auditor looks at: attempts, their bodies, their entries in the log."""

from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from hashlib import sha256

import orjson

from conversions.ledger.log.merkle import leaf_hash
from conversions.model.receipt import Outcome


@dataclass(frozen=True, slots=True)
class Selection:
    """Which attempts; what is absent does not narrow them."""

    zone: tzinfo
    """The shop's."""
    since: date | None = None
    """Days in that zone on which an attempt was intended, both included."""
    until: date | None = None
    run: int | None = None
    destination: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log."""

    number: int
    text: str
    """Canonical JSON (RFC 8785), without personal data."""

    @property
    def hash(self) -> str:
        """Its leaf hash in the RFC 6962 tree, 64 hex characters."""
        return leaf_hash(self.text.encode()).hex()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt on the wire: what it was, whose doing, and what came back. Instants are aware UTC."""

    request_id: int
    parent_id: int | None
    """The attempt that this one follows: its retry, its half, its rest."""
    run_id: int
    attempt: int
    """1 for the first of its events' requests."""
    destination: str
    recipient: str
    url: str
    headers: dict[str, str]
    """Without Authorization."""
    purpose: str
    intended_at: datetime
    answered_at: datetime | None
    http_status: int | None
    outcome: str | None
    """None: still under way, or its run was killed and no later one has looked."""
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
        """Bytes of the body, as logged before they left."""
        return int(orjson.loads(self.intent.text)["bytes"])


@dataclass(frozen=True, slots=True)
class Body:
    """What left, as far as the store still holds it."""

    content: bytes | None = field(repr=False)
    """Byte for byte; None once an event of it is erased."""
    erased: int
    """Events whose bytes are gone."""

    @property
    def sha256(self) -> str | None:
        """64 hex characters; computed here and kept nowhere, since it would serve to guess what was erased."""
        return None if self.content is None else sha256(self.content).hexdigest()
