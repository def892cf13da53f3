"""Advice about a part of an event that a platform ignored or missed, by the platform's name for the warning.

``WarningReason`` and ``ProcessingWarningReason`` of Google's API v1.9 (discovery document of 2026-11-06), and Meta's
two kinds of warnings. Google's reports of carts: support.google.com/google-ads/answer/14943675, read 2026-11-30.
"""

from conversions.destinations.responses import enum_name

MESSAGE, API_VERSION = "MESSAGE", "API_VERSION"
"""Meta's warnings: text in ``messages``, which is not kept; the header ``X-Ad-Api-Version-Warning``."""
OTHER = "OTHER"
"""Replaces text that is not an enum's name."""
PREFIXES = ("PROCESSING_WARNING_REASON_", "WARNING_REASON_")

MINIMISED = (
    "you need to do nothing: the privacy policy does not list prices of single products, so they are not sent. Google "
    "reports the sale, but not the value of each product"
)
MERCHANT = "compare `merchant_id`, `merchant_feed_label` and `merchant_feed_language_code` with Merchant Center"
REPORT = "this is a fault of this program: report it, with the output of `conversions audit export`"
NOT_SENT = "this program does not send this part: check which other system sends to this conversion action"
ENCRYPTED = "this program sends hashes and encrypts nothing: check which other system sends to this conversion action"
VARIABLES = "this program sends no custom variables: check which other system sends to this conversion action"
UNKNOWN = "look it up in the platform's documentation and diagnostics"

_ADVICE = {
    MINIMISED: "CART_DATA_ITEM_UNIT_PRICE_MISSING",
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
BY_DESIGN = frozenset(_ADVICE[MINIMISED].split())
"""Kinds of warnings that are expected: the shop has promised not to send these parts."""


def kind(reason: str) -> str:
    """Return the enum's name in capitals without its prefix; ``OTHER`` for unknown text, which may repeat sent data."""
    known = _bare(reason.upper())
    return known if known in ADVICE else _bare(enum_name(reason) or OTHER)


def advice(kind: str) -> str:
    """Return what an operator does about a warning of this *kind*."""
    return ADVICE.get(kind, UNKNOWN)


def _bare(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name
