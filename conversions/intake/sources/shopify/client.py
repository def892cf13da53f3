"""One answer of Shopify's Admin GraphQL API: the request, its pace, and the retries of this request alone.

A single query above the shop's limit is refused whole: then fewer orders are asked for.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from conversions.intake.sources.shop_api.failures import Failure, no_answer
from conversions.intake.sources.shop_api.numbers import parse
from conversions.intake.sources.shop_api.retries import retrying
from conversions.intake.sources.shop_api.values import Json
from conversions.intake.sources.shopify import errors, queries
from conversions.intake.sources.shopify.export_file import Block, fetch_block
from conversions.intake.sources.shopify.pace import Pace
from conversions.intake.sources.shopify.token import Token
from conversions.settings import ShopifySource
from conversions.transport.http import USER_AGENT, Answer, Session, post
from conversions.transport.route import Route

_TOO_COSTLY = Failure("refuses a query for a single order as too costly (MAX_COST_EXCEEDED).")
_NO_PAGE = Failure("answers with data that is no page of orders. Check source.api_version.")


@dataclass(frozen=True, slots=True)
class Page:
    """The nodes of one page as the shop wrote them."""

    nodes: list[Any]
    next: str | None
    """Cursor of the next page; None: this is the last."""


class Client:
    """The API of one shop."""

    def __init__(
        self, settings: ShopifySource, route: Route, clock: Callable[[], datetime], sleep: Callable[[float], None]
    ) -> None:
        """*sleep* waits between two requests."""
        self.site = settings.endpoint or f"https://{settings.shop}"
        self.answered_version: str | None = None
        """The version of the API that the shop's answers name."""
        self._settings = settings
        self._session = Session(route)
        self._token = Token(settings, self.site, self._session, clock)
        self._retrying = retrying(sleep)
        self._sleep = sleep
        self._pace = Pace()
        self._first = {"orders": settings.page_size, "lines": queries.LINES_PER_PAGE}

    def orders(self, filter_: str, after: str | None) -> Page:
        """Return a page of the orders that *filter_* chooses, from the least recently changed on.

        Raises SettingsError without credentials, SourceUnavailable after the last attempt, SourceError where the shop's
        answer is no page of orders.
        """
        data = self._sized("orders", queries.orders(self._settings), after=after, filter=filter_)
        return self._page(data.get("orders"), after)

    def lines(self, order_id: str, after: str | None) -> Page | None:
        """Return a page of an order's lines; None: the order was deleted. Raises as ``orders``."""
        order = self._sized("lines", queries.lines(self._settings), id=order_id, after=after).get("order")
        if order is None:
            return None
        return self._page(order.get("lineItems") if isinstance(order, dict) else None, after)

    def ask(self, kind: str, query: str, /, **variables: object) -> Json | Failure:
        """Return the data of an answer, or the last failure. Raises SettingsError without credentials."""
        result = self._ask(kind, query, **variables)
        return result if isinstance(result, Failure) else result["data"]

    def block(self, url: str, begin: int) -> Block | Failure:
        """Return what the file of a bulk operation has from byte *begin* on, or the last failure."""
        local = self._settings.endpoint is not None
        result: Block | Failure = self._retrying(fetch_block, self._session, url, begin, local=local)
        return result

    def scopes(self) -> frozenset[str]:
        """Return what the app may do. Raises as ``orders``."""
        if granted := self._token.scopes:
            return granted
        installation = self._data(self._ask("scopes", queries.SCOPES)).get("currentAppInstallation")
        scopes = installation.get("accessScopes") if isinstance(installation, dict) else None
        if not isinstance(scopes, list):
            raise _NO_PAGE.error(self._settings.shop)
        return frozenset(str(scope.get("handle")) for scope in scopes if isinstance(scope, dict))

    def _sized(self, kind: str, query: str, **variables: object) -> Json:
        """Return the data of a page; where a query costs too much, this and every later page has fewer."""
        while True:
            result = self._ask(kind, query, first=self._first[kind], **variables)
            if result is not _TOO_COSTLY or self._first[kind] == 1:
                return self._data(result)
            self._first[kind] //= 2

    def _ask(self, kind: str, query: str, /, **variables: object) -> Json | Failure:
        body = json.dumps({"query": query, "variables": variables}).encode()
        result: Json | Failure = self._retrying(self._ask_once, kind, body)
        return result

    def _ask_once(self, kind: str, body: bytes) -> Json | Failure:
        answer = self._send(kind, body)
        if isinstance(answer, Answer) and answer.status == 401 and self._token.forget():
            answer = self._send(kind, body)  # the token expired early, or was revoked: a new one may do
        if isinstance(answer, Failure):
            return answer
        if answer.status != 200:
            return errors.refused(answer, self._settings.api_version)
        self._note_version(answer.headers.get("X-Shopify-API-Version"))
        return self._said(kind, answer)

    def _send(self, kind: str, body: bytes) -> Answer | Failure:
        token = self._token.get()
        if isinstance(token, Failure):
            return token
        if pause := self._pace.pause(kind):
            self._sleep(pause)
            self._pace.waited(pause)
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Shopify-Access-Token": token,
        }
        url = f"{self.site}/admin/api/{self._settings.api_version}/graphql.json"
        answer = post(self._session, url, body, headers)
        return answer if isinstance(answer, Answer) else no_answer(answer, errors.TOO_LARGE)

    def _said(self, kind: str, answer: Answer) -> Json | Failure:
        try:
            said = parse(answer.body)
        except ValueError:
            return errors.unreadable(answer)
        if not isinstance(said, dict) or answer.cut:
            return errors.unreadable(answer)
        self._pace.learn(kind, said)
        if "MAX_COST_EXCEEDED" in errors.error_codes(said):
            return _TOO_COSTLY
        if said.get("errors") or not isinstance(said.get("data"), dict):
            return errors.without_data(said, is_paced=self._pace.pause(kind) > 0)
        return said

    def _data(self, result: Json | Failure) -> Json:
        if isinstance(result, Failure):
            raise result.error(self._settings.shop)
        data: Json = result["data"]
        return data

    def _page(self, connection: object, after: str | None) -> Page:
        """Return a page; a next page that begins where this one did would never end. Raises SourceError."""
        nodes = connection.get("nodes") if isinstance(connection, dict) else None
        info = connection.get("pageInfo") if isinstance(connection, dict) else None
        if isinstance(nodes, list) and isinstance(info, dict):
            cursor, has_next = info.get("endCursor"), info.get("hasNextPage")
            if has_next is False:
                return Page(nodes, None)
            if has_next is True and isinstance(cursor, str) and cursor != after:
                return Page(nodes, cursor)
        raise _NO_PAGE.error(self._settings.shop)

    def _note_version(self, version: str | None) -> None:
        if version and self.answered_version is None and version != self._settings.api_version:
            structlog.get_logger().warning("another version of the API", asked=self._settings.api_version, got=version)
        self.answered_version = self.answered_version or version
