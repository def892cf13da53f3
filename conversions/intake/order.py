"""One order as the source states it, and a row that cannot be an order. Orders contain the e-mail address."""

import dataclasses
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from conversions.model.conversion import Consent, Reason


@dataclass(frozen=True, slots=True)
class RowRejected:
    """A row that cannot be an order: its place and the reason, without its content."""

    place: str
    """File and row number, or query and row number."""
    reason: Reason
    order_no: str | None = None
    field: str | None = None
    """Our name of the column at fault."""
    content: bytes | None = dataclasses.field(default=None, compare=False, repr=False)
    """Keyed digest of the cells without an address, 16 bytes: the same in each run. None where no such cell exists."""


class Cart(NamedTuple):
    """The products of an order line by line; a product may have several lines."""

    product_ids: tuple[str, ...]
    quantities: tuple[int, ...] | Reason | None
    """One per line, or why they cannot be used; None where no column holds them."""
    unit_prices: tuple[Decimal, ...] | Reason | None
    """In currency units, zero or above; otherwise as for quantities."""


class Order(NamedTuple):
    """One row of the source that states an order."""

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
    """In the shop's zone; control totals use this day."""
    window_day: date
    """In the shop's zone; ``--since`` and ``--until`` select by it: the day of completion where that is mapped."""
    completed: bool
    consent: Consent
    ad_personalization: Consent
    rank: tuple[int, int]
    """The newer of two rows has the higher rank: ``updated_at`` or file time (microseconds UTC), then place."""
    ends_day: bool = False
    """True where only the date of purchase is known; then the instant is the day's last second."""
    status_word: bytes | None = None
    """Keyed digest of a status that does not count as a sale, 8 bytes; None for a completed order."""
    ambiguous: tuple[RowRejected, ...] = ()
    """One rejection per amount that may be in thousands; it counts unless another row shows decimals in that column."""
    decimal_columns: tuple[str, ...] = ()
    """Our columns in which this row shows that digits after a point are decimals."""
    cart: Cart | None = None
    """None where no column holds quantities or unit prices."""

    withheld: Reason | None = None
    """Why a completed order is no sale to report, where the source knows a reason."""
    shown_number: str | None = None
    """The number that people see, if it is not ``number``."""
    status: str = ""
    """The shop's word for the status; a wrongly mapped column may hold an address."""
    place: str = ""
    """As in ``RowRejected``."""

    def __repr__(self) -> str:
        """Show the number only, so that no output contains an address."""
        return f"Order(number={self.number!r})"
