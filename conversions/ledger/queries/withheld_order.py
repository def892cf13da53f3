"""One order that stood against sending at one destination: when, why, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from conversions.ledger.judgements.record import is_against
from conversions.ledger.states import SENT
from conversions.model.conversion import Money


@dataclass(frozen=True, slots=True)
class Judgement:
    """How an order stood against sending from an instant on, and by which rules."""

    at: datetime
    """Aware, UTC."""
    run: int | None
    """The run that judged; None: an operator, or the upgrade of an older store."""
    state: str
    reason: str | None
    rules: str
    """First digits of the digest of the rules that were approved then."""
    policy_version: str


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """The attempt with which an order was sent after all."""

    request: int
    run: int
    at: datetime
    """Aware, UTC."""


@dataclass(frozen=True, slots=True)
class WithheldOrder:
    """One order that stood against sending at one destination."""

    delivery: int
    order_no: str
    destination: str
    day: str
    """Day of purchase, in the shop's zone."""
    state: str
    """How it stands now."""
    value: Money
    """What the source states."""
    judgements: tuple[Judgement, ...]
    """All that stood against sending, oldest first; the last one says the reason."""
    first_run: int | None
    """The run that judged it so first, in the last stretch without another judgement; None: an operator."""
    first: datetime
    """Start of this run, or when the operator judged; aware, UTC."""
    last_run: int | None
    """The last run that read it while it stood so; None: none did."""
    last: datetime
    """Start of this run, else ``first``; aware, UTC."""
    sent: SentAttempt | None = None
    """None: not sent later, or in a store whose requests are not kept."""

    @property
    def judgement(self) -> Judgement:
        """The last judgement that stood against sending."""
        return self.judgements[-1]

    @property
    def is_sent(self) -> bool:
        """Whether the platform has it now."""
        return self.state in SENT


def stood_against(state: str, reason: str | None) -> bool:
    """Whether an order stood against sending. One that the platform received did go, even if it waits for a person."""
    return is_against(state, reason) and state not in SENT
