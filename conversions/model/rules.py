"""The rules by which one destination sees an order: what it takes, and what the shop decided for it."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one destination takes, and what the shop decided for it."""

    kind: str
    """``google`` or ``meta``."""
    target: str
    """Account and conversion action, or dataset."""
    identity_rule: str
    """Name of the dated rule in ``identity``."""
    min_age: timedelta
    """From the real purchase to the sending."""
    max_age: timedelta
    """From the wire time to the sending, margin included."""
    also_reported_within: timedelta | None = None
    """From the real purchase to the sending, where a web tag reports the same sale: later it would count twice."""
    not_before: date | None = None
    """The first purchase day that is sent."""
    precision: Literal["day", "exact"]
    reference: Literal["wire_id", "order_id"]
    legal_basis: Literal["consent", "legitimate_interest"]
    zone: ZoneInfo
    """The shop's."""
    shop: str
    wire_key: bytes = field(repr=False)
    """``derive(key, WIRE_ID_SCHEME)``."""
    fingerprint_key: bytes = field(repr=False)
    """``derive(key, "fingerprint/1")``."""
