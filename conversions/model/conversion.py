"""An order as a platform may see it, and the reasons why an order is not sent.

Everything here is pseudonymised: this module cannot reach an e-mail address.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import NamedTuple

PRODUCT_ID = re.compile(r"[A-Za-z0-9._:/#+\-]{1,100}")
"""No spaces and no ``@``: a name or an address in a wrongly mapped column does not match."""


MAX_QUANTITY = 999_999
"""Of one product in one order."""


class Consent(StrEnum):
    """The consent that the shop recorded for a buyer; a missing record is never filled in."""

    GRANTED = "granted"
    DENIED = "denied"
    NOT_RECORDED = "not recorded"


class Reason(StrEnum):
    """Why an order, or a row, is not sent: a code that the store keeps; ``catalogue`` has the words for people."""

    # rows that cannot become an order
    WRONG_FIELD_COUNT = "wrong_field_count"
    UNFINISHED_LINE = "unfinished_line"
    CELL_TOO_LARGE = "cell_too_large"
    NOT_TEXT = "not_text"
    NO_ORDER_NUMBER = "no_order_number"
    BAD_ORDER_NUMBER = "bad_order_number"
    BAD_AMOUNT = "bad_amount"
    AMBIGUOUS_AMOUNT = "ambiguous_amount"
    OTHER_CURRENCY = "other_currency"
    BAD_DATE = "bad_date"
    WRONG_TYPE = "wrong_type"
    CONFLICT = "conflict"
    SEVERAL_ROWS = "several_rows"
    LINES_DISAGREE = "lines_disagree"
    REFUND_ROW = "refund_row"
    # orders that are withheld
    NOT_COMPLETED = "not_completed"
    NOT_PAID = "not_paid"
    NO_LINES = "no_lines"
    TEST_ORDER = "test_order"
    CANCELLED = "cancelled"
    RENEWAL = "renewal"
    RENEWAL_UNDECIDED = "renewal_undecided"
    NO_EMAIL = "no_email"
    UNUSABLE_EMAIL = "unusable_email"
    ALREADY_A_DIGEST = "already_a_digest"
    AMOUNT_NOT_ABOVE_ZERO = "amount_not_above_zero"
    NO_CONSENT = "no_consent"
    DENIED = "consent_denied"
    OBJECTION = "objection"
    WITHDRAWN = "consent_withdrawn"
    RESTRICTED = "restricted"
    WRONG_ADDRESS = "wrong_address"
    EXCLUDED = "excluded"
    TOO_OLD = "too_old"
    BEFORE_START = "before_start"
    IN_THE_FUTURE = "in_the_future"
    ALSO_REPORTED = "also_reported"
    ERASED = "erased"
    MAYBE_RECEIVED = "maybe_received"
    UNUSUAL_AMOUNT = "unusual_amount"
    # orders that the platform received and rejected later
    REFUSED_LATER = "refused_later"
    SETUP = "account_setup"
    # orders that are quarantined
    UNKNOWN_CURRENCY = "unknown_currency"
    TOO_MANY_DECIMALS = "too_many_decimals"
    AMOUNT_TOO_LARGE = "amount_too_large"
    NO_PRODUCT = "no_product"
    BAD_PRODUCT_ID = "bad_product_id"
    BAD_QUANTITY = "bad_quantity"
    BAD_UNIT_PRICE = "bad_unit_price"
    CART_COUNT = "cart_count"
    SHAPE = "policy_mismatch"
    REFUSED_BY_PLATFORM = "refused_by_platform"


QUARANTINES = frozenset(
    {
        Reason.UNKNOWN_CURRENCY,
        Reason.TOO_MANY_DECIMALS,
        Reason.AMOUNT_TOO_LARGE,
        Reason.NO_PRODUCT,
        Reason.BAD_PRODUCT_ID,
        Reason.BAD_QUANTITY,
        Reason.BAD_UNIT_PRICE,
        Reason.CART_COUNT,
        Reason.SHAPE,
    }
)
"""Reasons that need a person: the order is quarantined, not only withheld."""


class CartItem(NamedTuple):
    """One product of an order, as far as the disclosure policy lists it for the day of the purchase."""

    product_id: str
    quantity: int | None = None
    unit_price: Decimal | None = None
    """In currency units; exact as a JSON number."""


class Conversion(NamedTuple):
    """One order as one platform may see it."""

    wire_id: str
    """Stable, and meaningless outside the shop; at most 64 characters, never purely digits."""
    email_sha256: str
    """64 lower-case hex characters, hashed by the platform's own rule."""
    value: Decimal
    """The amount minus refunds, in currency units; exact as a JSON number."""
    currency: str
    """ISO 4217, three capitals."""
    product_ids: tuple[str, ...]
    """Each product once; empty where the policy leaves products out."""
    event_at: int
    """The purchase day's last second in the shop's zone, as Unix seconds (``precision = "exact"``: the instant)."""
    ready_at: int
    """Unix seconds of the earliest sending: the purchase day has ended, and the platform's minimum age is reached."""
    expires_at: int
    """Unix seconds of the latest sending: the platform's age limit, with a margin."""
    fingerprint: bytes
    """8 bytes of an HMAC over address, products, cart, time and consent: it changes with any of them."""
    ad_user_data: Consent = Consent.NOT_RECORDED
    ad_personalization: Consent = Consent.NOT_RECORDED
    cart: tuple[CartItem, ...] = ()
    """The same products with quantity or price; empty where the policy lists neither for this purchase."""


EventMaker = Callable[[Conversion], bytes]
"""Returns the event of a conversion for one platform, as the bytes of the request."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """An order that is not sent to one platform, and the reason."""

    reason: Reason

    @property
    def quarantined(self) -> bool:
        """Whether a person has to correct it."""
        return self.reason in QUARANTINES


class Money(NamedTuple):
    """An amount in the store: ``minor`` units of ``currency``, with ``exponent`` decimals."""

    minor: int
    currency: str
    exponent: int

    @property
    def amount(self) -> Decimal:
        """The amount in currency units."""
        return self.minor * unit(self.exponent)


@dataclass(frozen=True, slots=True)
class Window:
    """Days in the shop's zone, both included."""

    since: date
    until: date


@cache
def unit(exponent: int) -> Decimal:
    """Return the smallest amount with so many decimals."""
    return Decimal(1).scaleb(-exponent)
