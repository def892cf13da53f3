"""What the shop said: one order, and a row that cannot be one. The e-mail address lives here and in ``identity``."""

import dataclasses
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from conversions.model.conversion import Consent, Reason


@dataclass(frozen=True, slots=True)
class RowRejected:
    """A row that cannot be an order: where it stands and why, never what it says."""

    place: str
    """File and row number, or query and row number."""
    reason: Reason
    order_no: str | None = None
    field: str | None = None
    """Our name of the column at fault."""
    content: bytes | None = dataclasses.field(default=None, compare=False, repr=False)
    """16 bytes, keyed: the same wherever this row is read again. No address is in it; None: nothing else was left."""


class Order(NamedTuple):
    """One sighting of an order in the source."""

    number: str
    email: str
    amount: Decimal
    """In currency units, as the shop states it."""
    refunded: Decimal
    """In currency units, zero or above."""
    currency: str
    product_ids: tuple[str, ...]
    purchased_at: datetime
    """Aware, UTC."""
    purchase_day: date
    """In the shop's zone; what accounting goes by."""
    window_day: date
    """In the shop's zone; what ``--since`` and ``--until`` select: the day of completion where it is mapped."""
    completed: bool
    consent: Consent
    ad_personalization: Consent
    rank: tuple[int, int]
    """Of two sightings the higher is the newer: ``updated_at`` or file time (microseconds UTC), then place."""
    ends_day: bool = False
    """Whether only a date is known of the purchase: then the instant is the day's last second."""
    status_word: bytes | None = None
    """8 bytes, keyed: tells one status that does not count as a sale from another; None where it does."""
    doubts: tuple[RowRejected, ...] = ()
    """Its amounts that may be thousands: what the row is where no other row settles it."""
    settles: tuple[str, ...] = ()
    """Our columns in which this row shows that what stands behind a point is decimals."""

    def __repr__(self) -> str:
        """Whatever prints an order prints no address."""
        return f"Order(number={self.number!r})"
