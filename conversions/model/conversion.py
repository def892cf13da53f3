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


class Consent(StrEnum):
    """The consent that the shop recorded for a buyer; a missing record is never filled in."""

    GRANTED = "granted"
    DENIED = "denied"
    NOT_RECORDED = "not recorded"


class Reason(StrEnum):
    """Why an order, or a row, is not sent."""

    # rows that cannot become an order
    WRONG_FIELD_COUNT = "wrong number of fields"
    UNFINISHED_LINE = "unfinished last line"
    CELL_TOO_LARGE = "cell too large"
    NOT_TEXT = "not valid text"
    NO_ORDER_NUMBER = "no order number"
    BAD_ORDER_NUMBER = "unusable order number"
    BAD_AMOUNT = "unreadable amount"
    AMBIGUOUS_AMOUNT = "three digits after the point: thousands or decimals?"
    BAD_DATE = "unreadable date"
    CONFLICT = "same order number with another address or purchase time"
    SEVERAL_ROWS = "several rows of one order that disagree"
    REFUND_ROW = "money paid back in a row of its own"
    # orders that are withheld
    NOT_COMPLETED = "not completed"
    NO_EMAIL = "no e-mail address"
    UNUSABLE_EMAIL = "unusable e-mail address"
    ALREADY_A_DIGEST = "the address already is a digest"
    AMOUNT_NOT_ABOVE_ZERO = "amount not above zero"
    NO_CONSENT = "no consent recorded"
    DENIED = "consent denied"
    OBJECTION = "objection"
    WITHDRAWN = "consent withdrawn"
    TOO_OLD = "too old for this platform"
    BEFORE_START = "before the start of sending"
    IN_THE_FUTURE = "purchased in the future"
    ALSO_REPORTED = "also reported by the web tag, and past its de-duplication window"
    ERASED = "erased"
    MAYBE_RECEIVED = "maybe received, and may no longer be sent"
    UNUSUAL_AMOUNT = "unusual amount"
    # orders that the platform received and rejected later
    REFUSED_LATER = "refused after it was received"
    SETUP = "refused for the account's setup"
    # orders that are quarantined
    UNKNOWN_CURRENCY = "unknown currency"
    TOO_MANY_DECIMALS = "more decimals than the currency has"
    AMOUNT_TOO_LARGE = "amount too large"
    NO_PRODUCT = "no product ID"
    BAD_PRODUCT_ID = "product ID of an unexpected shape"
    SHAPE = "does not fit the disclosure policy"
    REFUSED_BY_PLATFORM = "refused by the platform"


QUARANTINES = frozenset(
    {
        Reason.UNKNOWN_CURRENCY,
        Reason.TOO_MANY_DECIMALS,
        Reason.AMOUNT_TOO_LARGE,
        Reason.NO_PRODUCT,
        Reason.BAD_PRODUCT_ID,
        Reason.SHAPE,
    }
)
"""Reasons that need a person: the order is quarantined, not only withheld."""


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
    event_at: int
    """The purchase day's last second in the shop's zone, as Unix seconds (``precision = "exact"``: the instant)."""
    ready_at: int
    """Unix seconds of the earliest sending: the purchase day has ended, and the platform's minimum age is reached."""
    expires_at: int
    """Unix seconds of the latest sending: the platform's age limit, with a margin."""
    fingerprint: bytes
    """8 bytes of an HMAC over address, products, time and consent: it changes with any of them."""
    ad_user_data: Consent = Consent.NOT_RECORDED
    ad_personalization: Consent = Consent.NOT_RECORDED


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
