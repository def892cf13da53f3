"""The only bridge over the privacy line: an order and one platform's rules in, a conversion or the reason against out.

A pure function of its arguments: the same order, rules and ``now`` give the same conversion on any machine.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Literal
from zoneinfo import ZoneInfo

import orjson

from conversions import keys
from conversions.conversion import Consent, Conversion, Money, Reason, Withheld
from conversions.currency import money
from conversions.identity import Identity
from conversions.order import Order

DAY = timedelta(days=1)
SKEW = timedelta(minutes=5)
"""How far the shop's clock may be ahead of ours."""
PRODUCT_ID = re.compile(r"[A-Za-z0-9._:/#+\-]{1,100}")
"""No spaces and no ``@``: a mapped name or address does not pass."""
ORDER_ID = re.compile(r"[A-Za-z0-9._:/#+\-]{2,64}")
"""Google: at most 64 characters (Ads help 6386790); one character has been refused."""


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


def convert(order: Order, identity: Identity | Reason, rules: Rules, now: datetime) -> Conversion | Withheld:
    """*order* as one platform may see it, or the first reason against. *now* is aware.

    What forbids any further sending comes first: a cancelled order of somebody who withdrew must never be restated.
    """
    email = _email(identity, rules.identity_rule)
    if reason := _consent(order, rules):
        return Withheld(reason)
    if isinstance(email, Reason):
        return Withheld(email)
    value = _value(order.amount - order.refunded, order.currency) if order.completed else Reason.NOT_COMPLETED
    if isinstance(value, Reason):
        return Withheld(value)
    if reason := _moment(order, rules, now) or _products(order.product_ids):
        return Withheld(reason)
    event_at = _event_at(order, rules)
    expires_at, why = _expiry(order, rules, event_at)
    if expires_at < now.timestamp():
        return Withheld(why)
    reference = _reference(order.number, rules)
    if reference is None:
        return Withheld(Reason.SHAPE)
    return Conversion(
        wire_id=reference,
        email_sha256=email,
        value=value,
        currency=order.currency,
        product_ids=order.product_ids,
        event_at=event_at,
        ready_at=_ready_at(order, rules, event_at),
        expires_at=expires_at,
        fingerprint=_fingerprint(order, email, event_at, rules),
        ad_user_data=order.consent,
        ad_personalization=order.ad_personalization,
    )


@lru_cache(maxsize=1024)
def _value(amount: Decimal, currency: str) -> Decimal | Reason:
    """Remembered, since the next destination asks the same, and the next order often does."""
    if amount <= 0:
        return Reason.AMOUNT_NOT_ABOVE_ZERO
    paid = money(amount, currency)
    return paid.amount if isinstance(paid, Money) else paid


def _email(identity: Identity | Reason, rule: str) -> str | Reason:
    return identity if isinstance(identity, Reason) else identity.digests.get(rule, Reason.UNUSABLE_EMAIL)


def _consent(order: Order, rules: Rules) -> Reason | None:
    if order.consent is Consent.DENIED:
        return Reason.DENIED
    if rules.legal_basis == "consent" and order.consent is not Consent.GRANTED:
        return Reason.NO_CONSENT
    return None


def _moment(order: Order, rules: Rules, now: datetime) -> Reason | None:
    if rules.not_before is not None and order.purchase_day < rules.not_before:
        return Reason.BEFORE_START
    latest = now + SKEW
    if order.purchased_at <= latest:
        return None
    today = order.ends_day and order.purchase_day <= latest.astimezone(rules.zone).date()
    return None if today else Reason.IN_THE_FUTURE


@lru_cache(maxsize=256)
def _products(product_ids: tuple[str, ...]) -> Reason | None:
    if not product_ids:
        return Reason.NO_PRODUCT
    return None if all(map(PRODUCT_ID.fullmatch, product_ids)) else Reason.BAD_PRODUCT_ID


def _event_at(order: Order, rules: Rules) -> int:
    if rules.precision == "exact":
        return int(order.purchased_at.timestamp())
    return _midnight(order.purchase_day + DAY, rules.zone) - 1


@lru_cache(maxsize=256)
def _midnight(day: date, zone: ZoneInfo) -> int:
    """The day's first second; days of 23 and 25 hours end one second before the next one's."""
    return int(datetime.combine(day, time.min, zone).timestamp())


def _expiry(order: Order, rules: Rules, event_at: int) -> tuple[int, Reason]:
    """The earliest of this platform's limits, and what to say once it is past."""
    too_old = event_at + int(rules.max_age.total_seconds()), Reason.TOO_OLD
    if rules.also_reported_within is None:
        return too_old
    counted_once = _earliest(order, rules.zone) + int(rules.also_reported_within.total_seconds())
    return min(too_old, (counted_once, Reason.ALSO_REPORTED))


def _earliest(order: Order, zone: ZoneInfo) -> int:
    """When it was bought; the day's first second where only the day is known, since the tag may have fired then."""
    return _midnight(order.purchase_day, zone) if order.ends_day else int(order.purchased_at.timestamp())


def _reference(number: str, rules: Rules) -> str | None:
    """The order's id on the wire; None where the number may not stand there."""
    if rules.reference == "wire_id":
        return keys.wire_id(rules.wire_key, rules.shop, rules.kind, rules.target, number)
    prefixed = f"order-{number}" if number.isdigit() else number
    return prefixed if ORDER_ID.fullmatch(prefixed) else None


def _ready_at(order: Order, rules: Rules, event_at: int) -> int:
    """Past the wire time and past the minimum age.

    Where only the day is known, ``purchased_at`` is its last second: the latest it can have been, so that the minimum
    age is reached whatever the hour was.
    """
    return 1 + max(event_at, int((order.purchased_at + rules.min_age).timestamp()))


def _fingerprint(order: Order, email: str, event_at: int, rules: Rules) -> bytes:
    """Keyed BLAKE2b (RFC 7693). Products are sorted: a query may list them differently each night."""
    told = orjson.dumps([email, event_at, order.consent, order.ad_personalization, sorted(order.product_ids)])
    return blake2b(told, digest_size=8, key=rules.fingerprint_key).digest()
