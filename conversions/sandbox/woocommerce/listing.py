"""Which orders a request asks for, as ``WP_REST_Orders`` reads its parameters."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from conversions.sandbox.woocommerce.orders import SITE_ZONE

DEFAULT_PAGE, MAX_PAGE = 10, 100
_EARLIEST, _LATEST = datetime(1970, 1, 1), datetime(9999, 1, 1)  # noqa: DTZ001
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:\d\d)?")


class OrderList(Protocol):
    """The orders of a shop, in the sequence of their ids."""

    @property
    def count(self) -> int:
        """How many there are."""

    def changed(self, nth: int) -> datetime:
        """When the n-th order changed for the last time, UTC without offset; it never falls with *nth*, from 0."""

    def order(self, nth: int) -> dict[str, Any]:
        """Return the n-th order as the API writes it with two decimals."""


class InvalidParameter(ValueError):
    """A parameter that the API refuses; the text is its name."""


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """Return a time of the query in UTC without offset.

    Without ``dates_are_gmt`` the site's clock is meant; with ``Z`` or an offset it is meant all the same, as in
    WordPress. Raises InvalidParameter.
    """
    if (text := query.get(name)) is None:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise InvalidParameter(name)
    at = datetime.fromisoformat(text)
    if match[2] is None and query.get("dates_are_gmt") == "true":
        return at
    local = at.astimezone(SITE_ZONE) if at.tzinfo else at.replace(tzinfo=SITE_ZONE)
    return local.replace(tzinfo=None) if at.tzinfo else local.astimezone(UTC).replace(tzinfo=None)


def number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Return a number of the query, from 1. Raises InvalidParameter."""
    text = query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise InvalidParameter(name)
    return int(text)


def chosen(query: Mapping[str, str], orders: OrderList, edited: Mapping[int, datetime]) -> Sequence[int]:
    """Return the numbers of the orders that changed in the query's span; both ends are exclusive.

    *edited* are the orders that changed again, and when. Raises InvalidParameter.
    """
    after = moment(query, "modified_after") or _EARLIEST
    before = moment(query, "modified_before") or _LATEST
    everything = range(orders.count)
    span = range(
        bisect_right(everything, after, key=orders.changed), bisect_left(everything, before, key=orders.changed)
    )
    back = {nth for nth, at in edited.items() if after < at < before}
    gone = {nth for nth in edited if nth in span} - back
    if not gone and back <= set(edited) & set(span):
        found: Sequence[int] = span
    else:
        found = sorted(({*span} - gone) | back)
    ascending = query.get("order", "desc") == "asc"
    return found if ascending else found[::-1]
