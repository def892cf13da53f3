"""A statement about an order: a code and its facts, which ``words`` turns into a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection

from conversions.ledger.queries.order_life import DeliveryLife
from conversions.run.runtime import DestinationRules

PLATFORMS = {"google": ("Google Ads", "Google"), "meta": ("Meta", "Meta")}
"""By kind: where a shop looks for the order, and the company."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence to be."""

    code: str
    """Its key in the section ``explain`` of the catalogue."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """Values: instants (aware), days, money, numbers, codes."""


@dataclass(frozen=True, slots=True)
class OrderAtDestination:
    """One order at one destination, and what is needed to speak about it."""

    connection: Connection
    order_no: str
    life: DeliveryLife
    rules: DestinationRules | None
    """None where the settings do not name the destination any more."""
    resend_us: int
    now: datetime
    """Aware, UTC."""
    run_under_way: bool

    @property
    def company(self) -> str:
        """The company behind the destination."""
        return PLATFORMS[self.rules.destination.kind][1] if self.rules else self.life.destination

    @property
    def day(self) -> date:
        """The day of purchase."""
        return date.fromisoformat(self.life.row.day)

    def say(self, code: str, **facts: object) -> Statement:
        """A statement with the facts that most sentences need."""
        platform = PLATFORMS[self.rules.destination.kind][0] if self.rules else self.life.destination
        shared = {"platform": platform, "company": self.company, "order": self.order_no, "name": self.life.destination}
        return Statement(code, shared | facts)

    def is_past(self, seconds: int | None) -> bool:
        """Whether a moment in Unix seconds has passed; False where there is none."""
        return seconds is not None and seconds <= self.now.timestamp()
