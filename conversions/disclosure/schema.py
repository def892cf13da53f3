"""The closed schema of the wire: every path that can be sent, and the shapes that a disclosure policy may give it.

This is the outer bound, and it is code; the policy is the shop's choice within it. Paths are JSON keys joined by
points, with ``[]`` after a list: ``events[].cartData.items[].itemId``.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Validator = Callable[[Any], object]
"""True in effect where a parsed JSON value has the shape; may raise TypeError where it is not even of the type."""


def validator(shape: str) -> Validator:
    """The test for *shape*; KeyError where there is no such shape."""
    constants = _constants(shape)
    return SHAPES[shape] if constants is None else constants.__contains__


def narrows(shape: str, allowed: str) -> bool:
    """Whether a policy may narrow *allowed* to *shape*: the same, or fewer constants."""
    mine, theirs = _constants(shape), _constants(allowed)
    return shape == allowed if theirs is None else mine is not None and mine <= theirs


def _constants(shape: str) -> frozenset[str] | None:
    form, colon, values = shape.partition(":")
    if not colon:
        return None
    return {"const": frozenset([values]), "one-of": frozenset(values.split(","))}.get(form)


def _text(pattern: str) -> Validator:
    return re.compile(pattern, re.ASCII).fullmatch


def _decimal(value: object) -> bool:
    """Zero or above, finite, and far from where a double loses cents."""
    return (type(value) is float or type(value) is int) and 0 <= value < 10**12


def _unix_seconds(value: object) -> bool:
    """Ten digits: milliseconds have thirteen, and Meta takes them for seconds without a word."""
    return type(value) is int and 10**9 <= value < 10**10


SHAPES: Mapping[str, Validator] = {
    "sha256-hex": _text(r"[0-9a-f]{64}"),
    "decimal": _decimal,
    "currency": _text(r"[A-Z]{3}"),
    "product-id": _text(r"[A-Za-z0-9._:/#+\-]{1,100}"),
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
"""Shapes by name; ``const:A`` and ``one-of:A,B`` are shapes, too. None admits an at sign or a letter beyond ASCII."""

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
        "data[].custom_data.content_type": ("const:product",),
        "upload_tag": ("upload-tag",),
    },
}
"""Per kind of destination: every path that its events and envelope can have, and the shapes open to a policy."""

GRANTED = b'"adUserData":"CONSENT_GRANTED"'
"""In the bytes of an event, where the shop recorded its buyer's grant and the policy lets it be said."""

EVENTS: Mapping[str, str] = {"google": "events", "meta": "data"}
"""Per kind of destination: the key of the list of events."""
