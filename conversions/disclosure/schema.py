"""The closed schema of events: every path that this program can send, and the shapes that a policy may give it.

The schema is the outer limit, fixed in code; the disclosure policy is the shop's choice within it. Paths are JSON keys
joined by points, with ``[]`` after a list: ``events[].cartData.items[].itemId``.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from conversions.model.conversion import MAX_QUANTITY

Validator = Callable[[Any], object]
"""Returns a true value where a parsed JSON value has the shape; may raise TypeError for a value of another type."""


def validator(shape: str) -> Validator:
    """Return the validator of *shape*. Raises KeyError where the shape does not exist."""
    constants = _constants(shape)
    return SHAPES[shape] if constants is None else constants.__contains__


def narrows(shape: str, allowed: str) -> bool:
    """Return whether a policy may narrow *allowed* to *shape*: the same shape, or constants of it."""
    constants, allowed_constants = _constants(shape), _constants(allowed)
    if allowed_constants is None:
        return shape == allowed or (constants is not None and all(map(validator(allowed), constants)))
    return constants is not None and constants <= allowed_constants


def _constants(shape: str) -> frozenset[str] | None:
    form, colon, values = shape.partition(":")
    if not colon:
        return None
    return {"const": frozenset([values]), "one-of": frozenset(values.split(","))}.get(form)


def _text(pattern: str) -> Validator:
    return re.compile(pattern, re.ASCII).fullmatch


def _decimal(value: object) -> bool:
    """Zero or above, finite, and far below the amounts where a double loses cents."""
    return (type(value) is float or type(value) is int) and 0 <= value < 10**12


def _quantity(value: object) -> bool:
    """At most six digits: a telephone number or a personal number in a wrongly mapped column has more."""
    return type(value) is int and 1 <= value <= MAX_QUANTITY


def _unix_seconds(value: object) -> bool:
    """Ten digits. Milliseconds have thirteen, and Meta accepts them as seconds without an error."""
    return type(value) is int and 10**9 <= value < 10**10


SHAPES: Mapping[str, Validator] = {
    "sha256-hex": _text(r"[0-9a-f]{64}"),
    "decimal": _decimal,
    "currency": _text(r"[A-Z]{3}"),
    "product-id": _text(r"[A-Za-z0-9._:/#+\-]{1,100}"),
    "quantity": _quantity,
    "quantity-text": _text(r"[1-9][0-9]{0,5}"),
    "wire-id": _text(r"c-[0-9a-f]{32}"),
    "order-number": _text(r"(?![0-9]+\Z)[A-Za-z0-9._:/#+\-]{1,64}"),
    "unix-seconds": _unix_seconds,
    "rfc3339-utc": _text(r"20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ"),
    "account-id": _text(r"\d{1,20}"),
    "merchant-id": _text(r"\d{1,20}"),
    "feed-label": _text(r"[A-Z0-9_\-]{1,20}"),
    "language-code": _text(r"[a-z]{2}"),
    "upload-tag": _text(r"[A-Za-z0-9._:+\-]{1,100}"),
    "https-url": _text(r"https://[A-Za-z0-9.\-]{1,253}(:\d{1,5})?(/[A-Za-z0-9._~\-/]{0,500})?"),
}
"""Shapes by name; ``const:A`` and ``one-of:A,B`` are shapes, too. No shape allows an at sign or a non-ASCII letter."""

_REFERENCE = ("wire-id", "order-number")
_CONSENT = ("one-of:CONSENT_GRANTED,CONSENT_DENIED",)
_ACTION_SOURCES = ("one-of:email,website,app,phone_call,chat,physical_store,system_generated,other",)

SCHEMA: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "google": {
        "destinations[].operatingAccount.accountType": ("const:GOOGLE_ADS",),
        "destinations[].operatingAccount.accountId": ("account-id",),
        "destinations[].loginAccount.accountType": ("const:GOOGLE_ADS",),
        "destinations[].loginAccount.accountId": ("account-id",),
        "destinations[].productDestinationId": ("account-id",),
        "encoding": ("const:HEX",),
        "events[].transactionId": _REFERENCE,
        "events[].eventTimestamp": ("rfc3339-utc",),
        "events[].eventSource": ("one-of:WEB,APP,IN_STORE,PHONE,MESSAGE,OTHER",),
        "events[].conversionValue": ("decimal",),
        "events[].currency": ("currency",),
        "events[].userData.userIdentifiers[].emailAddress": ("sha256-hex",),
        "events[].consent.adUserData": _CONSENT,
        "events[].consent.adPersonalization": _CONSENT,
        "events[].cartData.merchantId": ("merchant-id",),
        "events[].cartData.merchantFeedLabel": ("feed-label",),
        "events[].cartData.merchantFeedLanguageCode": ("language-code",),
        "events[].cartData.items[].merchantProductId": ("product-id",),
        "events[].cartData.items[].itemId": ("product-id",),
        # Protocol buffers write an int64 as text in JSON.
        "events[].cartData.items[].quantity": ("quantity-text",),
        "events[].cartData.items[].unitPrice": ("decimal",),
    },
    "meta": {
        "data[].event_name": ("const:Purchase",),
        "data[].event_time": ("unix-seconds",),
        "data[].event_id": _REFERENCE,
        "data[].action_source": _ACTION_SOURCES,
        "data[].event_source_url": ("https-url",),
        "data[].user_data.em[]": ("sha256-hex",),
        "data[].custom_data.currency": ("currency",),
        "data[].custom_data.value": ("decimal",),
        "data[].custom_data.order_id": _REFERENCE,
        "data[].custom_data.content_ids[]": ("product-id",),
        "data[].custom_data.contents[].id": ("product-id",),
        "data[].custom_data.contents[].quantity": ("quantity",),
        "data[].custom_data.contents[].item_price": ("decimal",),
        "data[].custom_data.content_type": ("const:product",),
        "upload_tag": ("upload-tag",),
    },
}
"""By kind of destination: every path that its events and envelope can have, and the shapes that a policy may choose."""


class CartPaths(NamedTuple):
    """The paths of the products of an order at one platform."""

    items: tuple[str, ...]
    """Product IDs beside which a quantity and a unit price can stand."""
    quantity: str
    unit_price: str
    plain: tuple[str, ...] = ()
    """Product IDs alone."""

    @property
    def product_ids(self) -> tuple[str, ...]:
        """Every path of a product ID."""
        return *self.items, *self.plain


_ITEM, _CONTENT = "events[].cartData.items[]", "data[].custom_data.contents[]"

CARTS: Mapping[str, CartPaths] = {
    "google": CartPaths((f"{_ITEM}.merchantProductId", f"{_ITEM}.itemId"), f"{_ITEM}.quantity", f"{_ITEM}.unitPrice"),
    "meta": CartPaths(
        (f"{_CONTENT}.id",), f"{_CONTENT}.quantity", f"{_CONTENT}.item_price", ("data[].custom_data.content_ids[]",)
    ),
}
"""By kind of destination."""

GRANTED = b'"adUserData":"CONSENT_GRANTED"'
"""Part of an event's bytes, where the shop recorded the buyer's consent and the policy lists the path."""

EVENTS: Mapping[str, str] = {"google": "events", "meta": "data"}
"""By kind of destination: the JSON key of the list of events."""
