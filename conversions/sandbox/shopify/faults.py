"""The faults of a Shopify shop; ``shop_faults`` has their grammar."""

from enum import StrEnum

from conversions.sandbox.shop_faults import FaultKinds


class ShopFault(StrEnum):
    """The kinds of faults of a shop."""

    THROTTLED = "throttled"
    """200 with the error THROTTLED."""
    TOO_MANY = "429"
    """The value is Retry-After in seconds."""
    UNAVAILABLE = "503"
    """The value is Retry-After in seconds; none: no such header."""
    DROPPED = "dropped"
    """The connection drops in place of an answer."""
    HTML = "html"
    """A web page with 200."""
    EMPTY = "empty"
    NO_DATA = "no-data"
    """200 with an object that has neither data nor errors."""
    INTERNAL = "internal"
    """200 with the error INTERNAL_SERVER_ERROR."""
    WRONG_TOKEN = "wrong-token"  # noqa: S105
    WRONG_SECRET = "wrong-secret"  # noqa: S105
    NOT_INSTALLED = "not-installed"
    NOT_PERMITTED = "not-permitted"
    NO_SCOPE = "no-scope"
    NO_ACCESS = "no-access"
    """ACCESS_DENIED for the e-mail address: protected customer data."""
    NO_SHOP = "no-shop"
    FROZEN = "frozen"
    REDIRECT = "redirect"
    NO_ADDRESSES = "no-addresses"
    """Every e-mail address is null."""
    NO_OLD_ORDERS = "no-old-orders"
    """The scope read_all_orders is missing, and orders older than 60 days are absent."""
    OTHER_VERSION = "other-version"
    """Another version of the API answers."""
    POINTS = "points"
    """The value is how many points a second the shop refills, of twenty times as many."""
    MAX_COST = "max-cost"
    """The value is what a single query may cost; otherwise 1000."""
    MOVING = "moving"
    """The value is the number of pages after which an order of that page changes."""
    BULK_BUSY = "bulk-busy"
    """Another program's bulk operations leave no place."""
    BULK_DENIED = "bulk-denied"
    """The bulk operation fails with ACCESS_DENIED, without a file."""
    BULK_FAILED = "bulk-failed"
    """The bulk operation fails with TIMEOUT and has half a file."""
    BULK_CANCELED = "bulk-canceled"
    BULK_ENDLESS = "bulk-endless"
    """The bulk operation stays RUNNING."""
    BULK_CUT = "bulk-cut"
    """The file of the bulk operation ends in the middle."""
    BULK_EXPIRED = "bulk-expired"
    """The address of the file has expired."""
    BULK_WHOLE = "bulk-whole"
    """The file is answered whole, whatever part of it was asked for."""


BULK_FAULTS = frozenset(kind for kind in ShopFault if kind.startswith("bulk-"))
CONDITIONS = BULK_FAULTS | frozenset(
    {
        ShopFault.NO_ADDRESSES,
        ShopFault.NO_OLD_ORDERS,
        ShopFault.OTHER_VERSION,
        ShopFault.POINTS,
        ShopFault.MAX_COST,
        ShopFault.MOVING,
    }
)
"""Faults that a page may have beside another one."""
TOKEN_FAULTS = frozenset({ShopFault.WRONG_SECRET, ShopFault.NOT_INSTALLED, ShopFault.NOT_PERMITTED})
"""Faults of the grant of a token, and of nothing else."""
NUMBERS = frozenset({ShopFault.TOO_MANY, ShopFault.UNAVAILABLE, ShopFault.POINTS, ShopFault.MAX_COST, ShopFault.MOVING})
"""Faults that have a number as value."""
KINDS = FaultKinds(ShopFault, NUMBERS, CONDITIONS | TOKEN_FAULTS)
