"""Sends to Google Ads through the Data Manager API (``events:ingest``, v1.9 of 2026-11-04)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import Any
from urllib.parse import urlencode

import orjson

from conversions.destinations.base import Envelope, Limits, compact
from conversions.destinations.google import advice as google_advice
from conversions.destinations.google import diagnostics
from conversions.destinations.google.responses import classify_response
from conversions.destinations.google.token import Token
from conversions.destinations.responses import receipt_without_answer
from conversions.disclosure.policy import Policy
from conversions.disclosure.schema import CARTS
from conversions.errors import Unauthorised
from conversions.model.conversion import CartItem, Consent, Conversion, Money
from conversions.model.late_result import Diagnosis, RequestStatus
from conversions.model.receipt import Receipt
from conversions.settings import GoogleSettings
from conversions.transport.http import USER_AGENT, Answer, ThreadLocalSession, get, post
from conversions.transport.not_sent import NotSent
from conversions.transport.route import DIRECT, Route

HOST = "https://datamanager.googleapis.com"
AGE_MARGIN = timedelta(hours=6)
"""Subtracted from the age limit, for retries and clock skew."""
CONSENTS = {Consent.GRANTED: "CONSENT_GRANTED", Consent.DENIED: "CONSENT_DENIED"}


class Google:
    """One conversion action."""

    kind = "google"
    recipient = "Google Ireland Limited"
    identity_rule = "google/2026-08"

    def __init__(self, name: str, settings: GoogleSettings, policy: Policy, route: Route = DIRECT) -> None:
        self.name = name
        self.target = f"{settings.operating_account_id}/{settings.conversion_action_id}"
        self.url = f"{settings.endpoint or HOST}/v1/events:ingest"
        self._status_url = f"{settings.endpoint or HOST}/v1/requestStatus:retrieve"
        self.route = route.text(self.url)
        self.limits = _limits(settings)
        self.headers = _headers(settings)
        self._prefix = b'{"destinations":[' + orjson.dumps(_destination(settings)) + b'],"encoding":"HEX","events":['
        self._event_source = settings.event_source
        self._full_refund = settings.full_refund
        self._feed = _feed(settings)
        self._ids = [path.rpartition(".")[2] for path in CARTS["google"].items if policy.lists("google", path)]
        self._consents = _consents(policy)
        self._token = None if settings.endpoint else Token(route)
        self._sessions = ThreadLocalSession(route)

    def event(self, conversion: Conversion) -> bytes:
        """See ``Destination.event``. It sends consent as the shop recorded it, and only where the policy lists it."""
        event = {
            "transactionId": conversion.wire_id,
            "eventTimestamp": _rfc3339(conversion.event_at),
            "eventSource": self._event_source,
            "conversionValue": float(conversion.value),
            "currency": conversion.currency,
            "userData": {"userIdentifiers": [{"emailAddress": conversion.email_sha256}]},
            **self._consents[conversion.ad_user_data, conversion.ad_personalization],
            **self._cart(conversion),
        }
        return compact(event)

    def _cart(self, conversion: Conversion) -> dict[str, object]:
        """Return the cart part of an event; an order without products has none."""
        items = [self._item(each) for each in conversion.cart or map(CartItem, conversion.product_ids)]
        return {"cartData": {**self._feed, "items": items}} if items else {}

    def _item(self, item: CartItem) -> dict[str, object]:
        fields: dict[str, object] = dict.fromkeys(self._ids, item.product_id)
        if item.quantity is not None:
            fields["quantity"] = str(item.quantity)
        if item.unit_price is not None:
            fields["unitPrice"] = float(item.unit_price)
        return fields

    def adjusted_event(self, event: bytes, value: Money) -> bytes | None:
        """See ``Destination.adjusted_event``. The same transactionId with another value (guide "Adjustments").

        A full refund gets value 0, unless the settings say otherwise: the API cannot remove a conversion.
        """
        if value.minor == 0 and self._full_refund == "report":
            return None
        return compact(orjson.loads(event) | {"conversionValue": float(value.amount), "currency": value.currency})

    def envelope(self, upload_tag: str) -> Envelope:  # noqa: ARG002
        """See ``Destination.envelope``. Google has no tag."""
        return Envelope(self._prefix, b"]}")

    def send(self, body: bytes, events: int) -> Receipt:
        """See ``Destination.send``."""
        headers = self._with_token(self.headers)
        if isinstance(headers, NotSent):
            return receipt_without_answer(headers)
        result = post(self._sessions.session, self.url, body, headers)
        return classify_response(result, events) if isinstance(result, Answer) else receipt_without_answer(result)

    def diagnose(self, reference: str, events: int) -> Diagnosis:
        """See ``ReportsStatus.diagnose``."""
        headers = self._with_token({name: text for name, text in self.headers.items() if name != "Content-Type"})
        if isinstance(headers, NotSent):
            return Diagnosis(RequestStatus.NO_ANSWER, headers.why, not_sent=headers)
        result = get(self._sessions.session, f"{self._status_url}?{urlencode({'requestId': reference})}", headers)
        if not isinstance(result, Answer):
            not_sent = result if isinstance(result, NotSent) else None
            return Diagnosis(RequestStatus.NO_ANSWER, result.why, not_sent=not_sent)
        if result.status == 401:
            raise Unauthorised(f"{self.name} refuses the credentials (401); run `conversions doctor` to check them.")
        return diagnostics.parse_status(result, events)

    def fix(self, reason: str) -> str:
        """See ``ReportsStatus.fix``."""
        return diagnostics.fix(reason)

    def as_validate_only(self, body: bytes) -> bytes:
        """See ``ValidatesOnly.as_validate_only``. Google runs the same checks (guide "Understand errors")."""
        return body.removesuffix(b"}") + b',"validateOnly":true}'

    def check_credentials(self) -> None:
        """See ``Destination.check_credentials``."""
        if self._token is not None:
            self._token.check()

    def authorise(self) -> None:
        """See ``Destination.authorise``."""
        self._with_token({})

    def advice(self, code: str) -> str | None:
        """See ``Destination.advice``."""
        return google_advice.by_code(code)

    def _with_token(self, headers: dict[str, str]) -> dict[str, str] | NotSent:
        """Return *headers* with the access token, where one is needed."""
        if self._token is None:
            return headers
        token = self._token.get()
        return token if isinstance(token, NotSent) else {**headers, "Authorization": f"Bearer {token}"}


def _limits(settings: GoogleSettings) -> Limits:
    max_age = timedelta(days=settings.max_age_days) - AGE_MARGIN
    return Limits(
        events=2000,
        # The API documents no size limit; 2,000 events with one product and consent have 0.85 MB.
        bytes=900_000,
        max_age=max_age,
        # Google refuses clicks younger than six hours as TOO_RECENT_CLICK.
        min_age=timedelta(hours=6),
        # The same transactionId never counts twice, so an event may be sent again until it expires.
        resend=max_age,
    )


def _headers(settings: GoogleSettings) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    if settings.quota_project:
        headers["x-goog-user-project"] = settings.quota_project
    return headers


def _destination(settings: GoogleSettings) -> dict[str, Any]:
    destination: dict[str, Any] = {"operatingAccount": _account(settings.operating_account_id)}
    if settings.login_account_id:
        destination["loginAccount"] = _account(settings.login_account_id)
    return {**destination, "productDestinationId": settings.conversion_action_id}


def _account(account_id: str) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": account_id}


def _feed(settings: GoogleSettings) -> dict[str, str]:
    feed = {
        "merchantId": settings.merchant_id,
        "merchantFeedLabel": settings.merchant_feed_label,
        "merchantFeedLanguageCode": settings.merchant_feed_language_code,
    }
    return {key: value for key, value in feed.items() if value is not None}


def _consents(policy: Policy) -> dict[tuple[Consent, Consent], dict[str, dict[str, str]]]:
    """Return the consent part of an event for every pair of values, without what is not recorded or not listed."""

    def signals(pair: tuple[Consent, Consent]) -> dict[str, dict[str, str]]:
        choices = zip(("adUserData", "adPersonalization"), pair, strict=True)
        listed = ((key, choice) for key, choice in choices if policy.lists("google", f"events[].consent.{key}"))
        consent = {key: CONSENTS[choice] for key, choice in listed if choice in CONSENTS}
        return {"consent": consent} if consent else {}

    return {pair: signals(pair) for pair in product(Consent, Consent)}


@lru_cache(maxsize=256)
def _rfc3339(seconds: int) -> str:
    """Cached, since all orders of a day have the same time."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
