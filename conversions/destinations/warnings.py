"""Advice about a part of an event that a platform ignored or missed, by the platform's name for the warning.

``WarningReason`` and ``ProcessingWarningReason`` of Google's API v1.9 (discovery document of 2026-11-06), and Meta's
two kinds of warnings. Google's reports of carts: support.google.com/google-ads/answer/14943675, read 2026-11-30.
"""

from conversions.destinations.responses import enum_name
from conversions.disclosure.policy import Policy

MESSAGE, API_VERSION = "MESSAGE", "API_VERSION"
"""Meta's warnings: text in ``messages``, which is not kept; the header ``X-Ad-Api-Version-Warning``."""
OTHER = "OTHER"
"""Replaces text that is not an enum's name."""
PREFIXES = ("PROCESSING_WARNING_REASON_", "WARNING_REASON_")

MINIMISED = (
    "you need to do nothing: the privacy policy does not list this part, so it is not sent. Google reports the sale, "
    "but not each product with its value"
)
PRICED = (
    "purchases from before the privacy policy listed unit prices are sent without them, and you need to do nothing. "
    "Where later ones have none, map the column in source.columns.unit_prices"
)
MERCHANT = "compare `merchant_id`, `merchant_feed_label` and `merchant_feed_language_code` with Merchant Center"
REPORT = "this is a fault of this program: report it, with the output of `conversions audit export`"
NOT_SENT = "this program does not send this part: check which other system sends to this conversion action"
ENCRYPTED = "this program sends hashes and encrypts nothing: check which other system sends to this conversion action"
VARIABLES = "this program sends no custom variables: check which other system sends to this conversion action"
UNKNOWN = "look it up in the platform's documentation and diagnostics"

_ADVICE = {
    PRICED: "CART_DATA_ITEM_UNIT_PRICE_MISSING",
    MERCHANT: "INVALID_MERCHANT_ID INVALID_MERCHANT_FEED_LANGUAGE_CODE",
    REPORT: """
        CART_DATA_ITEM_MERCHANT_PRODUCT_ID_MISSING INVALID_NUMBER_FORMAT INVALID_SHA256_FORMAT FIELD_VALUE_TOO_LONG
        FIELD_VALUE_TOO_SHORT VALUE_TOO_HIGH VALUE_TOO_LOW TOO_MANY_ELEMENTS DUPLICATE_ELEMENTS""",
    NOT_SENT: """
        CART_DATA_NOT_SUPPORTED_WITH_GBRAID_OR_WBRAID INVALID_CLIENT_ID INVALID_SUBDIVISION_CODE INVALID_REGION_CODE
        INVALID_SUBCONTINENT_CODE INVALID_CONTINENT_CODE INVALID_DEVICE_CATEGORY INVALID_DEVICE_SCREEN_RESOLUTION
        ADIDENTIFIER_NOT_USED""",
    VARIABLES: """
        CUSTOM_VARIABLE_NOT_ENABLED CUSTOM_VARIABLE_NOT_PREDEFINED
        CUSTOM_VARIABLES_NOT_SUPPORTED_WITH_GBRAID_OR_WBRAID""",
    ENCRYPTED: """
        KEK_PERMISSION_DENIED DEK_DECRYPTION_ERROR DECRYPTION_ERROR WIP_AUTH_FAILED INVALID_WIP INVALID_KEK
        USER_IDENTIFIER_DECRYPTION_ERROR AWS_AUTH_FAILED""",
    "Google had an internal error: you need to do nothing unless it continues": "INTERNAL_ERROR",
    UNKNOWN: f"UNSPECIFIED GENERIC {OTHER}",
    "read the dataset's diagnostics in Events Manager: Meta sent a message, which is not kept here": MESSAGE,
    "set `graph_version` to a newer version before Meta ends this one": API_VERSION,
}
ADVICE = {name: advice for advice, names in _ADVICE.items() for name in names.split()}
"""By kind of warning: the platform's name without its prefix."""
PART_OF = {
    "CART_DATA_ITEM_UNIT_PRICE_MISSING": "events[].cartData.items[].unitPrice",
    "CART_DATA_ITEM_MERCHANT_PRODUCT_ID_MISSING": "events[].cartData.items[].merchantProductId",
}
"""By kind of warning: the path that Google misses. Where the policy does not list it, the warning is expected."""
EXPECTED = frozenset({"CART_DATA_ITEM_UNIT_PRICE_MISSING"})
"""Kinds that are expected also where the policy lists the path: of purchases from before it did."""


def kind(reason: str) -> str:
    """Return the enum's name in capitals without its prefix; ``OTHER`` for unknown text, which may repeat sent data."""
    known = _bare(reason.upper())
    return known if known in ADVICE else _bare(enum_name(reason) or OTHER)


def advice(kind: str, policy: Policy | None) -> str:
    """Return what an operator does about a warning of this *kind* under the approved *policy*."""
    return MINIMISED if _unlisted(kind, policy) else ADVICE.get(kind, UNKNOWN)


def is_expected(kind: str, policy: Policy | None) -> bool:
    """Return whether the shop's own policy causes warnings of this *kind*."""
    return kind in EXPECTED or _unlisted(kind, policy)


def _unlisted(kind: str, policy: Policy | None) -> bool:
    return kind in PART_OF and policy is not None and not policy.lists("google", PART_OF[kind])


def _bare(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name
