"""The faults of a WooCommerce shop; ``shop_faults`` has their grammar."""

from enum import StrEnum

from conversions.sandbox.shop_faults import FaultKinds


class ShopFault(StrEnum):
    """The kinds of faults of a shop."""

    THROTTLED = "429"
    """The value is Retry-After in seconds."""
    UNAVAILABLE = "503"
    """The value is Retry-After in seconds; none: no such header."""
    MAINTENANCE = "maintenance"
    """WordPress' own page while it is updated."""
    DROPPED = "dropped"
    """The connection drops in place of an answer."""
    HTML = "html"
    """A web page with 200."""
    EMPTY = "empty"
    PHP_NOTICE = "php-notice"
    """A message of PHP before the JSON."""
    FIREWALL = "firewall"
    """ModSecurity's page. The value is its status; none: 406."""
    WRONG_KEY = "wrong-key"
    WRONG_SECRET = "wrong-secret"  # noqa: S105
    NO_HEADER = "no-header"
    """The web server drops the Authorization header."""
    NO_PERMALINKS = "no-permalinks"
    NO_PLUGIN = "no-plugin"
    """WordPress without WooCommerce."""
    REDIRECT = "redirect"
    CAP = "cap"
    """The value is the most orders of a page."""
    NO_LINK = "no-link"
    NO_TOTALS = "no-totals"
    MOVING = "moving"
    """The value is the number of pages after which an order of that page changes."""


CONDITIONS = frozenset({ShopFault.CAP, ShopFault.NO_LINK, ShopFault.NO_TOTALS, ShopFault.MOVING, ShopFault.NO_HEADER})
"""Faults that a page may have beside another one."""
NUMBERS = frozenset({ShopFault.THROTTLED, ShopFault.UNAVAILABLE, ShopFault.FIREWALL, ShopFault.CAP, ShopFault.MOVING})
"""Faults that have a number as value."""
KINDS = FaultKinds(ShopFault, NUMBERS, CONDITIONS)
