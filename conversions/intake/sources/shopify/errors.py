"""What an answer of Shopify means that has no data: the cause, and what to do about it.

Only codes, known words and numbers reach a message. Sources: Shopify's "API response codes", "Protected customer
data", "GraphQL Admin API rate limits" and "Client credentials grant", read 2026-11-30.
"""

import re
from collections.abc import Mapping
from typing import Any

from conversions.intake.sources.shop_api.failures import Failure
from conversions.intake.sources.shop_api.numbers import parse
from conversions.transport.http import Answer

TOO_LARGE = "answers with a page that is too large to read. Set page_size = 20 in [source]."
NO_END = "shows pages without an end. Check source.api_version; if it is supported, ask Shopify's support."
_UNKNOWN_APP = (
    "does not know the access token (401). The app was removed from the shop, or CONVERSIONS_SOURCE__ACCESS_TOKEN is "
    "of another shop: install the app in this shop, and copy its credentials again."
)
_CREDENTIALS = (
    "gives the app no token ({status}, {code}). Copy CONVERSIONS_SOURCE__CLIENT_ID and __CLIENT_SECRET again from the "
    "app's Settings in Shopify's Dev Dashboard."
)
_NOT_INSTALLED = (
    "gives the app no token ({status}, {code}): the app is not installed in this shop. Release a version of it in "
    "Shopify's Dev Dashboard, install it, and check source.shop."
)
_NOT_PERMITTED = (
    "gives the app no token ({status}, {code}): app and shop belong to different organisations. Make the app in the "
    "Dev Dashboard of the organisation that owns the shop."
)
SCOPE = (
    "does not let the app read orders (scope read_orders). Add it to the app's version in the Dev Dashboard, release "
    "it, and let the shop approve it."
)
PROTECTED = (
    "does not let the app read the buyers' e-mail addresses: it lacks access to protected customer data, level 2. "
    "Request e-mail under API access, Protected customer data access, in the Dev Dashboard; for an app of the shop's "
    "own, the shop must be on the plan Grow or higher."
)
NO_ADDRESSES = (
    "shows no e-mail address for any of {orders} orders. Probably the app lacks access to protected customer data, "
    "level 2: request e-mail under API access, Protected customer data access, in the Dev Dashboard (an app of the "
    "shop's own: plan Grow or higher). If all are sales at a till, nothing can be sent."
)
_NO_SHOP = "does not exist, or has no version {version} of the API (404). Check source.shop and source.api_version."
_FROZEN = "is frozen ({status}). The shop's owner settles that in the Shopify admin."
_REDIRECT = (
    "redirects to {place} ({status}), and a token is sent to no other address. Set source.shop to the name.myshopify"
    ".com that admin.shopify.com shows."
)
_REFUSED = "refuses the request ({status}, {code})."
_ERROR = "has an error ({status}); www.shopifystatus.com may say more."
_BUSY = "asks for fewer requests (429)."
_THROTTLED = "asks for fewer requests (THROTTLED): another program may use the same app."
_QUERY = "does not accept the query ({code}). Set source.api_version to a version that Shopify still supports."
_EMPTY = "answers 200 without data."
_PAGE = "answers with a web page in place of data ({status}). Check source.shop."
_NO_JSON = "answers with something that is no JSON ({status})."
BULK_LATE = "has not finished its bulk operation after {hours} hours."
BULK_UNCLEAR = "answers to a bulk operation with something that cannot be read."
BULK_UNSAFE = "keeps the file of its bulk operation at an address without https."
BULK_NO_FILE = "does not give the file of its bulk operation ({status})."
BULK_NO_ROOM = "sent the file of its bulk operation, and this machine has no room for its lines (TMPDIR)."
BULK_CUT = "sent a file with {found} objects, and its bulk operation has {said}."
_BULK_BUSY = "runs as many bulk operations as it may ({code})."
_BULK_REFUSED = "does not begin a bulk operation ({code})."
_BULK_ENDED = "ended its bulk operation without a whole file ({status}, {code})."
_BUSY_CODES = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_CODE = re.compile(r"[A-Za-z_]{1,60}")
_HTML = re.compile(rb"\s*<(?:!doctype|html|head|body)", re.IGNORECASE)
_PASSING = frozenset({"THROTTLED", "INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"})

Json = Mapping[str, Any]


def refused(answer: Answer, version: str) -> Failure:
    """Return the failure that a status other than 200 means."""
    status, wait = answer.status, _retry_after(answer)
    match status:
        case 401:
            return Failure(_UNKNOWN_APP)
        case 403:
            return Failure(PROTECTED if b"protected customer data" in answer.body else SCOPE)
        case 404:
            return Failure(_NO_SHOP.format(version=version))
        case 402 | 423:
            return Failure(_FROZEN.format(status=status))
        case 429 | 430:
            return Failure(_BUSY, passing=True, wait=wait)
        case _ if 300 <= status < 400:
            return Failure(_REDIRECT.format(place=_host(answer.headers.get("Location", "")), status=status))
        case _ if status >= 500:
            return Failure(_ERROR.format(status=status), passing=True, wait=wait)
        case _:
            return Failure(_REFUSED.format(status=status, code=_error_code(answer.body)))


def no_token(answer: Answer) -> Failure:
    """Return the failure of a client-credentials grant."""
    if answer.status in {429, 430} or answer.status >= 500 or 300 <= answer.status < 400:
        return refused(answer, "")
    body = answer.body
    sentence = _CREDENTIALS
    if b"not_installed" in body or answer.status == 404:
        sentence = _NOT_INSTALLED
    elif b"shop_not_permitted" in body:
        sentence = _NOT_PERMITTED
    return Failure(sentence.format(status=answer.status, code=_error_code(body)))


def unreadable(answer: Answer) -> Failure:
    """Return the failure of a 200 that is no JSON object."""
    if answer.cut:
        return Failure(TOO_LARGE)
    if not answer.body.strip():
        return Failure(_EMPTY, passing=True)
    return Failure((_PAGE if _HTML.match(answer.body) else _NO_JSON).format(status=answer.status))


def without_data(said: Json, *, is_paced: bool) -> Failure:
    """Return the failure of an answer with ``errors``, or without ``data``.

    *is_paced*: the next request waits for its points by itself.
    """
    mistakes = said.get("errors")
    codes = error_codes(said)
    words = str(mistakes)
    if "THROTTLED" in codes or "throttled" in words.lower():
        return Failure(_THROTTLED, passing=True, wait=0.0 if is_paced else None)
    if "not approved" in words:
        return Failure(PROTECTED)
    if "ACCESS_DENIED" in codes or "ccess denied" in words:
        return Failure(SCOPE)
    if not mistakes or codes & _PASSING:
        return Failure(_EMPTY, passing=True)
    return Failure(_QUERY.format(code=next(iter(sorted(codes)), "no code")), passing="Internal error" in words)


def no_bulk(user_errors: object) -> str:
    """Return the sentence about a bulk operation that did not begin."""
    found = (
        [error.get("code") for error in user_errors if isinstance(error, dict)] if isinstance(user_errors, list) else []
    )
    code = next((_known(code) for code in found), "no code")
    return (_BULK_BUSY if code in _BUSY_CODES else _BULK_REFUSED).format(code=code)


def bulk_ended(operation: Json) -> str:
    """Return the sentence about a bulk operation that ended without a whole file."""
    return _BULK_ENDED.format(status=_known(operation.get("status")), code=_known(operation.get("errorCode")))


def error_codes(said: Json) -> set[str]:
    """Return the codes of an answer's ``errors``."""
    mistakes = said.get("errors")
    extensions = (m.get("extensions") for m in mistakes if isinstance(m, dict)) if isinstance(mistakes, list) else ()
    codes = (extension.get("code") for extension in extensions if isinstance(extension, dict))
    return {code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)}


def _error_code(body: bytes) -> str:
    """Return the code of an OAuth error, whose answer may also be a web page."""
    try:
        said = parse(body)
    except ValueError:
        match = re.search(rb"(?:Oauth error |\"error\":\s*\")([a-z_]{1,60})", body)
        return match[1].decode() if match else "no code"
    code = said.get("error") if isinstance(said, dict) else None
    return _known(code)


def _known(code: object) -> str:
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "no code"


def _retry_after(answer: Answer) -> float | None:
    """Return the seconds to wait; Shopify writes them as ``2.0``, which is no value of the header by its RFC."""
    text = answer.headers.get("Retry-After", "").strip()
    return float(text) if re.fullmatch(r"\d{1,6}\.\d{1,6}", text) else answer.retry_after


def _host(location: str) -> str:
    """Return scheme and host of a redirect."""
    match = re.match(r"https?://[A-Za-z0-9.-]+", location)
    return match[0] if match else "another page"
