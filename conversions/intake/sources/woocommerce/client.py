"""One page of orders of WooCommerce's REST API v3: the request, and the retries of this page alone."""

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from conversions.errors import SettingsError
from conversions.intake.sources.shop_api.failures import Failure, no_answer
from conversions.intake.sources.shop_api.numbers import parse
from conversions.intake.sources.shop_api.retries import retrying
from conversions.intake.sources.woocommerce.errors import TOO_LARGE, is_past_last_page, refused, unreadable
from conversions.settings import WooCommerceSource
from conversions.transport.http import USER_AGENT, Answer, Session, get
from conversions.transport.route import Route

FIELDS = (
    "id,number,status,currency,total,created_via,date_created_gmt,date_modified_gmt,date_paid_gmt,date_completed_gmt,"
    "billing.email,line_items,refunds,meta_data"
)
"""What a page contains; names, addresses and telephone numbers of buyers stay in the shop."""
_DIGITS = 10
"""A count with so many digits is none."""
_NEXT = re.compile(r'rel="?next"?', re.IGNORECASE)

Span = tuple[datetime, datetime]
"""First moment of change, and first moment after the last one; whole seconds in UTC without offset."""


@dataclass(frozen=True, slots=True)
class Page:
    """The orders of one page as the shop wrote them."""

    orders: list[Any]
    total: int | None
    """Orders in all pages (``X-WP-Total``); None where the site drops the header."""
    has_next: bool
    """Whether ``Link`` names a next page; some sites drop that header."""
    pages: int | None = None
    """How many pages there are (``X-WP-TotalPages``)."""


class Client:
    """The orders of one shop, by the time of their last change."""

    def __init__(self, settings: WooCommerceSource, route: Route, sleep: Callable[[float], None] = time.sleep) -> None:
        """*sleep* waits between two attempts."""
        self.site = settings.url
        self._settings = settings
        self._session = Session(route)
        self._retrying = retrying(sleep)

    def page(self, changed: Span, number: int) -> Page:
        """Return page *number*, from 1, of the orders that changed in a span.

        Raises SettingsError without a key, SourceUnavailable after the last attempt, SourceError where the shop's
        answer is no page of orders.
        """
        url, headers = self._request(changed, number)
        result = self._retrying(self._ask, url, headers, first=number == 1)
        if isinstance(result, Failure):
            raise result.error(self.site)
        return result

    def _ask(self, url: str, headers: dict[str, str], *, first: bool) -> Page | Failure:
        answer = get(self._session, url, headers)
        if not isinstance(answer, Answer):
            return no_answer(answer, TOO_LARGE)
        if answer.status == 200:
            return _page(answer)
        return refused(answer) if first or not is_past_last_page(answer) else Page([], None, has_next=False)

    def _request(self, changed: Span, number: int) -> tuple[str, dict[str, str]]:
        key, secret = self._credentials()
        query: dict[str, object] = {**_filters(changed), "per_page": self._settings.page_size, "page": number}
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if self._settings.auth == "query":
            query |= {"consumer_key": key, "consumer_secret": secret}
        else:
            headers["Authorization"] = f"Basic {base64.b64encode(f'{key}:{secret}'.encode()).decode()}"
        return f"{self.site}/wp-json/wc/v3/orders?{urlencode(query)}", headers

    def _credentials(self) -> tuple[str, str]:
        key, secret = self._settings.consumer_key, self._settings.consumer_secret
        texts = [part.get_secret_value().strip() if part else "" for part in (key, secret)]
        missing = [name for name, text in zip(("KEY", "SECRET"), texts, strict=True) if not text]
        if missing:
            raise SettingsError(
                f"{' and '.join(f'CONVERSIONS_SOURCE__CONSUMER_{name}' for name in missing)} is missing. Make a key "
                "with the permission Read in WooCommerce, Settings, Advanced, REST API, and put it into .env."
            )
        return texts[0], texts[1]


def _filters(changed: Span) -> dict[str, object]:
    """Return the parameters that choose the orders.

    WordPress reads a time with ``Z`` or an offset in the site's zone, even with ``dates_are_gmt``: so it has none. Both
    ends are exclusive, and times are whole seconds. Money has the shop's display decimals unless ``dp`` asks for more.
    """
    since, until = changed
    return {
        "modified_after": since.isoformat(),
        "modified_before": until.isoformat(),
        "dates_are_gmt": "true",
        "status": "any",
        "orderby": "id",
        "order": "asc",
        "dp": 6,
        "_fields": FIELDS,
    }


def _page(answer: Answer) -> Page | Failure:
    try:
        orders = parse(answer.body)
    except ValueError:
        return unreadable(answer)
    if isinstance(orders, dict) and orders and all(name.isdecimal() for name in orders):
        orders = list(orders.values())  # PHP writes a list with gaps as an object
    if not isinstance(orders, list) or answer.cut or (orders and not any(isinstance(order, dict) for order in orders)):
        return unreadable(answer)
    has_next = bool(_NEXT.search(answer.headers.get("Link", "")))
    return Page(orders, _count(answer, "X-WP-Total"), has_next, _count(answer, "X-WP-TotalPages"))


def _count(answer: Answer, name: str) -> int | None:
    count = answer.headers.get(name, "").strip()
    return int(count) if count.isdecimal() and len(count) < _DIGITS else None
