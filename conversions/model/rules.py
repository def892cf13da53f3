"""The rules of one destination for an order: what the platform accepts, and what the shop decided."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class CartRules:
    """What the disclosure policy lets one platform know about the products of an order."""

    product_ids: bool = True
    quantity_from: date | None = None
    """The first purchase day whose quantities may be sent; None: never."""
    unit_price_from: date | None = None
    """The first purchase day whose unit prices may be sent; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one destination."""

    kind: str
    """``google`` or ``meta``."""
    target: str
    """Account and conversion action, or dataset."""
    identity_rule: str
    """Name of the dated rule in ``intake.identity``."""
    min_age: timedelta
    """The minimum time from the real purchase to the sending."""
    max_age: timedelta
    """The maximum time from ``event_at`` to the sending, with a margin."""
    also_reported_within: timedelta | None = None
    """The maximum time from the real purchase where a web tag reports the same sale: later it would count twice."""
    not_before: date | None = None
    """The first purchase day that is sent."""
    cart: CartRules = CartRules()
    precision: Literal["day", "exact"]
    reference: Literal["wire_id", "order_id"]
    legal_basis: Literal["consent", "legitimate_interest"]
    zone: ZoneInfo
    """The shop's time zone."""
    shop: str
    wire_key: bytes = field(repr=False)
    """``derive(key, WIRE_ID_SCHEME)``."""
    fingerprint_key: bytes = field(repr=False)
    """``derive(key, "fingerprint/1")``."""
