"""The access token of Shopify's API: given, or from a client-credentials grant; it stays in memory only."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from conversions.errors import SettingsError
from conversions.intake.sources.shop_api.failures import Failure, no_answer
from conversions.intake.sources.shop_api.numbers import parse
from conversions.intake.sources.shopify import errors
from conversions.settings import ShopifySource
from conversions.transport.http import USER_AGENT, Answer, Session, post

_EARLY = timedelta(minutes=5)
"""A token is replaced so long before it expires."""
_DAY = timedelta(hours=24)
_DIGITS = 10
"""So many digits of seconds are more than a day."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,500}")


class Token:
    """The token for one shop; a granted one is asked for when it is first needed, and lasts about a day."""

    def __init__(self, settings: ShopifySource, site: str, session: Session, clock: Callable[[], datetime]) -> None:
        self._settings, self._site, self._session, self._clock = settings, site, session, clock
        self.scopes: frozenset[str] = frozenset()
        """What a granted token allows; empty where nothing says it."""
        self._granted: str | None = None
        self._until: datetime | None = None

    def get(self) -> str | Failure:
        """Return the token. Raises SettingsError where the settings have no credentials."""
        if self._settings.access_token:
            return self._settings.access_token.get_secret_value().strip()
        if self._granted is None or self._until is None or self._clock() >= self._until:
            return self._grant()
        return self._granted

    def forget(self) -> bool:
        """Forget a granted token that the shop refuses; return whether there was one."""
        had, self._granted = self._granted is not None, None
        return had

    def _grant(self) -> str | Failure:
        """Ask for a token (RFC 6749 §4.4; Shopify, "client credentials grant", read 2026-11-30)."""
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = post(self._session, f"{self._site}/admin/oauth/access_token", self._form(), headers)
        if not isinstance(answer, Answer):
            return no_answer(answer, errors.TOO_LARGE)
        if answer.status != 200:
            return errors.no_token(answer)
        return self._keep(answer)

    def _keep(self, answer: Answer) -> str | Failure:
        try:
            grant = parse(answer.body)
        except ValueError:
            return errors.unreadable(answer)
        token = grant.get("access_token") if isinstance(grant, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            return errors.unreadable(answer)
        self.scopes = frozenset(re.split(r"[\s,]+", str(grant.get("scope") or "").strip())) - {""}
        seconds = grant.get("expires_in")
        is_known = isinstance(seconds, str) and seconds.isdecimal() and len(seconds) < _DIGITS
        lasts = timedelta(seconds=int(seconds)) if is_known else _DAY
        self._granted, self._until = token, self._clock() + max(min(lasts, _DAY) - _EARLY, timedelta())
        return token

    def _form(self) -> bytes:
        settings = self._settings
        secret = settings.client_secret.get_secret_value().strip() if settings.client_secret else ""
        client = (settings.client_id or "").strip()
        missing = [name for name, text in (("ID", client), ("SECRET", secret)) if not text]
        if missing:
            raise SettingsError(
                f"{' and '.join(f'CONVERSIONS_SOURCE__CLIENT_{name}' for name in missing)} is missing. Make an app in "
                "Shopify's Dev Dashboard with the scope read_orders, install it in the shop, and put its client ID and "
                "secret into .env. For an app from before 2026, put its token into CONVERSIONS_SOURCE__ACCESS_TOKEN."
            )
        return urlencode({"grant_type": "client_credentials", "client_id": client, "client_secret": secret}).encode()
