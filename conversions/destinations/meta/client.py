"""Sends to Facebook and Instagram through Meta's Conversions API (Graph API v26.0). One dataset serves both."""

import hmac
import os
from datetime import timedelta
from urllib.parse import urlencode

import orjson

from conversions.destinations.base import Envelope, Limits, compact
from conversions.destinations.meta import access, quality
from conversions.destinations.meta import advice as meta_advice
from conversions.destinations.meta.responses import classify_response
from conversions.destinations.responses import receipt_without_answer
from conversions.disclosure.policy import Policy
from conversions.disclosure.schema import CARTS
from conversions.errors import Unauthorised
from conversions.model.conversion import CartItem, Conversion, Money
from conversions.model.receipt import Receipt
from conversions.settings import MetaSettings
from conversions.transport.http import (
    SHORT_TIMEOUT_SECONDS,
    USER_AGENT,
    Answer,
    NoResponse,
    ThreadLocalSession,
    get,
    post,
)
from conversions.transport.not_sent import NotSent
from conversions.transport.route import DIRECT, Route

HOST = "https://graph.facebook.com"
AGE_MARGIN = timedelta(hours=6)
"""Subtracted from Meta's age limit: one event that is too old makes Meta refuse the whole request."""


class Meta:
    """One dataset."""

    kind = "meta"
    recipient = "Meta Platforms Ireland Limited"
    identity_rule = "meta/2026-01"

    def __init__(self, name: str, settings: MetaSettings, policy: Policy, route: Route = DIRECT) -> None:
        self.name = name
        self.target = settings.dataset_id
        self.url = f"{settings.endpoint or HOST}/{settings.graph_version}/{settings.dataset_id}/events"
        self._quality_url = f"{settings.endpoint or HOST}/{settings.graph_version}/dataset_quality"
        self.route = route.text(self.url)
        self.limits = _limits(settings)
        self.headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        self._source = _source(settings)
        self._tagged = _offline(settings) and settings.upload_tag and policy.lists("meta", "upload_tag")
        self._contents, self._content_ids = (
            all(policy.lists("meta", path) for path in paths) for paths in (CARTS["meta"].items, CARTS["meta"].plain)
        )
        self._settings = settings
        self._sessions = ThreadLocalSession(route)

    def event(self, conversion: Conversion) -> bytes:
        """See ``Destination.event``."""
        event = {
            "event_name": "Purchase",
            "event_time": conversion.event_at,
            "event_id": conversion.wire_id,
            **self._source,
            "user_data": {"em": [conversion.email_sha256]},
            "custom_data": {
                "currency": conversion.currency,
                "value": float(conversion.value),
                # Meta counts a physical_store event once by order_id and event_time (offline-events guide, 2026-01-05).
                "order_id": conversion.wire_id,
                **self._products(conversion),
            },
        }
        return compact(event)

    def _products(self, conversion: Conversion) -> dict[str, object]:
        """Return the products of an event; Meta takes ``contents`` in the place of ``content_ids``."""
        if self._contents and (conversion.cart or not self._content_ids):
            items = conversion.cart or map(CartItem, conversion.product_ids)
            products: dict[str, object] = {"contents": [_content(item) for item in items]}
        else:
            products = {"content_ids": conversion.product_ids}
        return {**products, "content_type": "product"} if conversion.product_ids else {}

    def adjusted_event(self, event: bytes, value: Money) -> bytes | None:  # noqa: ARG002
        """See ``Destination.adjusted_event``. The Conversions API has no call that changes or removes an event."""
        return None

    def envelope(self, upload_tag: str) -> Envelope:
        """See ``Destination.envelope``. Offline uploads have a tag, where the policy lists it."""
        tag = b',"upload_tag":' + orjson.dumps(upload_tag) if self._tagged else b""
        return Envelope(b'{"data":[', b"]" + tag + b"}")

    def send(self, body: bytes, events: int) -> Receipt:
        """See ``Destination.send``."""
        headers, query = self.headers | self._authorization(), urlencode(self._proof())
        result = post(self._sessions.session, f"{self.url}?{query}" if query else self.url, body, headers)
        return classify_response(result, events) if isinstance(result, Answer) else receipt_without_answer(result)

    def check_credentials(self) -> None:
        """See ``Destination.check_credentials``."""
        self._authorization()

    authorise = check_credentials
    """Only sending shows whether Meta accepts the token."""

    def scores(self) -> dict[str, float]:
        """See ``RatesEvents.scores``."""
        try:
            result = self._ask_quality()
        except Unauthorised:
            return {}
        return quality.figures(result.body) if isinstance(result, Answer) and result.status == 200 else {}

    def access(self) -> Receipt | None:
        """Ask, without an event, whether Meta accepts the token for the dataset; None where the answer does not say.

        Raises Unauthorised where no token is configured.
        """
        result = self._ask_quality()
        return access.of_quality(result) if isinstance(result, Answer) else receipt_without_answer(result)

    @property
    def refuses_old_events(self) -> bool:
        """Whether Meta refuses an event of ``access.OLD_EVENT_AGE``, so that it cannot count."""
        return not _offline(self._settings)

    def _ask_quality(self) -> Answer | NotSent | NoResponse:
        query = {"dataset_id": self.target, "fields": quality.FIELDS[_offline(self._settings)]} | self._proof()
        headers = {"User-Agent": USER_AGENT} | self._authorization()
        return get(self._sessions.session, f"{self._quality_url}?{urlencode(query)}", headers, SHORT_TIMEOUT_SECONDS)

    def advice(self, code: str) -> str | None:
        """See ``Destination.advice``."""
        advice = meta_advice.by_code(code)
        return advice and advice.replace("_META__", f"_{self.name.upper()}__")

    def _authorization(self) -> dict[str, str]:
        """Return the token as a header, never in the URL: proxies and access logs keep URLs."""
        token = self._token
        if not token and self._settings.endpoint:
            return {}
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            variable = f"CONVERSIONS_{self.name.upper()}__ACCESS_TOKEN"
            state = "is malformed" if token else "is missing"
            raise Unauthorised(
                f"{variable} {state}; put the dataset's token (Events Manager, Settings, Conversions API) into .env "
                "beside conversions.toml, then run `conversions doctor`."
            )
        return {"Authorization": f"Bearer {token}"}

    def _proof(self) -> dict[str, str]:
        """Return the proof of the app secret as a query, where it is set ("Securing Graph API Requests").

        Meta documents no header for it. The body is logged and the query is not; without the token it opens nothing.
        """
        secret = self._settings.app_secret
        if secret is None or not self._token:
            return {}
        proof = hmac.new(os.fsencode(secret.get_secret_value()), self._token.encode(), "sha256").hexdigest()
        return {"appsecret_proof": proof}

    @property
    def _token(self) -> str:
        secret = self._settings.access_token
        return secret.get_secret_value() if secret else ""


def _limits(settings: MetaSettings) -> Limits:
    # An event counts once for 48 hours, an offline event for 7 days, from Meta's first receipt; one hour is our margin.
    counts_once = timedelta(days=7) if _offline(settings) else timedelta(hours=48)
    return Limits(
        events=1000,
        # Meta documents no size limit; others assume a megabyte, and a refusal affects the whole request.
        bytes=500_000,
        max_age=timedelta(days=settings.max_age_days) - AGE_MARGIN,
        min_age=timedelta(0),
        resend=counts_once - timedelta(hours=1),
    )


def _content(item: CartItem) -> dict[str, object]:
    fields: dict[str, object] = {"id": item.product_id}
    if item.quantity is not None:
        fields["quantity"] = item.quantity
    if item.unit_price is not None:
        fields["item_price"] = float(item.unit_price)
    return fields


def _offline(settings: MetaSettings) -> bool:
    return settings.action_source == "physical_store"


def _source(settings: MetaSettings) -> dict[str, str]:
    if settings.action_source == "website" and settings.event_source_url:
        return {"action_source": "website", "event_source_url": settings.event_source_url}
    return {"action_source": settings.action_source}
