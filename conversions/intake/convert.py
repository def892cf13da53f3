"""Converts an order to one platform's conversion, or to the reason why it is not sent.

This is the only code that passes data from raw orders to conversions. It is a pure function of its arguments: the same
order, rules and ``now`` give the same conversion on any machine.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo

import orjson

from conversions import keys
from conversions.intake.cart import CartBuilder
from conversions.intake.identity import Identity
from conversions.intake.order import Order
from conversions.model.conversion import PRODUCT_ID, CartItem, Consent, Conversion, Money, Reason, Withheld
from conversions.model.rules import Rules

DAY = timedelta(days=1)
MAX_CLOCK_SKEW = timedelta(minutes=5)
"""The shop's clock may be ahead of this machine's clock by this much."""
ORDER_ID = re.compile(r"[A-Za-z0-9._:/#+\-]{2,64}")
"""Google: at most 64 characters (Ads help 6386790); one character has been refused."""


def convert(
    order: Order, identity: Identity | Reason, paid: Money | Reason, rules: Rules, now: datetime
) -> Conversion | Withheld:
    """Return *order* as one platform may see it, or the first reason against sending it. *now* is aware.

    *identity* and *paid* are the results of ``identify`` for the order's address and of ``money`` for its amount minus
    refunds; they are the same for every platform. Reasons that forbid all sending come first: an order of a buyer who
    withdrew consent must never be restated, even if it was cancelled.
    """
    return Converter(rules, now)(order, identity, paid)


class Converter:
    """``convert`` for many orders with the same rules and time; it computes the shared values once."""

    def __init__(self, rules: Rules, now: datetime) -> None:
        self._now = now.timestamp()
        self._latest = now + MAX_CLOCK_SKEW
        self._zone = rules.zone
        self._start = rules.not_before or date.min
        self._refusals = _refusals(rules)
        self._identity_rule = rules.identity_rule
        self._exact = rules.precision == "exact"
        self._min_age = int(rules.min_age.total_seconds())
        self._max_age = int(rules.max_age.total_seconds())
        self._tag_window = rules.also_reported_within
        self._lists_products = rules.cart.product_ids
        self._cart = CartBuilder(rules.cart)
        self._reference = _wire_id_maker(rules)
        self._keyed = blake2b(digest_size=8, key=rules.fingerprint_key)

    def __call__(self, order: Order, identity: Identity | Reason, paid: Money | Reason) -> Conversion | Withheld:
        """See ``convert``."""
        email = self._email(order, identity)
        if isinstance(email, Reason):
            return Withheld(email)
        value = _value(order, paid)
        if not isinstance(value, Decimal):
            return Withheld(value)
        cart = self._cart(order)
        if reason := self._time_reason(order) or self._product_reason(order.product_ids):
            return Withheld(reason)
        return Withheld(cart) if isinstance(cart, Reason) else self._in_time(order, email, value, cart)

    def _in_time(self, order: Order, email: str, value: Decimal, cart: tuple[CartItem, ...]) -> Conversion | Withheld:
        bought_at = int(order.purchased_at.timestamp())
        event_at = bought_at if self._exact else _last_second(order.purchase_day, self._zone)
        expires_at, reason = self._expiry(order, bought_at, event_at)
        if expires_at < self._now:
            return Withheld(reason)
        wire_id = self._reference(order.number)
        if wire_id is None:
            return Withheld(Reason.SHAPE)
        # An order with a date alone gets the day's last second, so it has the minimum age at any hour of purchase.
        ready_at = 1 + max(event_at, bought_at + self._min_age)
        fingerprint = self._fingerprint(order, email, event_at, cart)
        # Positional arguments take half the time; the tests check every field by name.
        return Conversion(
            wire_id,
            email,
            value,
            order.currency,
            order.product_ids if self._lists_products else (),
            event_at,
            ready_at,
            expires_at,
            fingerprint,
            order.consent,
            order.ad_personalization,
            cart,
        )

    def _email(self, order: Order, identity: Identity | Reason) -> str | Reason:
        if reason := self._refusals.get(order.consent):
            return reason
        if isinstance(identity, Identity):
            return identity.digests.get(self._identity_rule, Reason.UNUSABLE_EMAIL)
        return identity

    def _time_reason(self, order: Order) -> Reason | None:
        if order.purchase_day < self._start:
            return Reason.BEFORE_START
        if order.purchased_at <= self._latest:
            return None
        today = order.ends_day and order.purchase_day <= self._latest.astimezone(self._zone).date()
        return None if today else Reason.IN_THE_FUTURE

    def _expiry(self, order: Order, bought_at: int, event_at: int) -> tuple[int, Reason]:
        """Return the earliest of this platform's limits, and the reason after it has passed."""
        too_old = event_at + self._max_age, Reason.TOO_OLD
        if self._tag_window is None:
            return too_old
        # Where only the day is known, the web tag may have fired in the day's first second.
        earliest = _first_second(order.purchase_day, self._zone) if order.ends_day else bought_at
        dedup_ends_at = earliest + int(self._tag_window.total_seconds())
        return min(too_old, (dedup_ends_at, Reason.ALSO_REPORTED))

    def _product_reason(self, product_ids: tuple[str, ...]) -> Reason | None:
        if not self._lists_products:
            return None
        if not product_ids:
            return Reason.NO_PRODUCT
        return None if all(map(PRODUCT_ID.fullmatch, product_ids)) else Reason.BAD_PRODUCT_ID

    def _fingerprint(self, order: Order, email: str, event_at: int, cart: tuple[CartItem, ...]) -> bytes:
        """Keyed BLAKE2b (RFC 7693). Products are sorted, since a query may list them in another order in each run.

        An order without a cart has the fingerprint that releases without carts gave it.
        """
        keyed = self._keyed.copy()
        fields: list[object] = [email, event_at, order.consent, order.ad_personalization, sorted(order.product_ids)]
        if cart:
            fields.append(sorted([*map(str, (each.product_id, each.quantity, each.unit_price))] for each in cart))
        keyed.update(orjson.dumps(fields))
        return keyed.digest()


def _refusals(rules: Rules) -> dict[Consent, Reason]:
    """Return the consent values that forbid sending."""
    if rules.legal_basis == "consent":
        return {Consent.DENIED: Reason.DENIED, Consent.NOT_RECORDED: Reason.NO_CONSENT}
    return {Consent.DENIED: Reason.DENIED}


def _value(order: Order, paid: Money | Reason) -> Decimal | Reason:
    if not order.completed:
        return Reason.NOT_COMPLETED
    if order.withheld:
        return order.withheld
    if order.amount <= order.refunded:
        return Reason.AMOUNT_NOT_ABOVE_ZERO
    return paid.amount if isinstance(paid, Money) else paid


@lru_cache(maxsize=256)
def _last_second(day: date, zone: ZoneInfo) -> int:
    """One second before the next day begins, also for days of 23 and 25 hours."""
    return _first_second(day + DAY, zone) - 1


@lru_cache(maxsize=256)
def _first_second(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time.min, zone).timestamp())


def _wire_id_maker(rules: Rules) -> Callable[[str], str | None]:
    """Return the function from order number to the id that is sent; it returns None for an unusable number."""
    if rules.reference == "wire_id":
        return keys.wire_ids(rules.wire_key, rules.shop, rules.kind, rules.target)
    return _order_id


def _order_id(number: str) -> str | None:
    prefixed = f"order-{number}" if number.isdigit() else number
    return prefixed if ORDER_ID.fullmatch(prefixed) else None
