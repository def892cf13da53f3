"""What an answer of a WooCommerce shop means that is not a page of orders: the cause, and what to do about it.

Only codes, known words and the host of a redirect reach a message: what a site writes may be anything.
Sources: ``class-wc-rest-authentication.php`` of WooCommerce, ``rest-api.php`` and ``load.php`` of WordPress.
"""

import re

from conversions.intake.sources.shop_api.failures import Failure
from conversions.intake.sources.shop_api.numbers import parse
from conversions.transport.http import Answer

_KEY = (
    "does not let this key read orders (401, {code}). Either it is not a key of this shop, or its user may not see "
    "orders: make a key with the permission Read for a shop manager (WooCommerce, Settings, Advanced, REST API). Or "
    "the web server drops the Authorization header, which looks the same: let it pass (Apache: `CGIPassAuth On` in "
    '.htaccess), or set auth = "query" in [source].'
)
_PAIR = (
    "knows the consumer key, but not the consumer secret (401). Copy both again from WooCommerce, Settings, Advanced, "
    "REST API, or make a new key: the secret is shown once."
)
_MISSING = (
    "received no consumer key (401): the web server drops the Authorization header. Let it pass (Apache: `CGIPassAuth "
    'On` in .htaccess), or set auth = "query" in [source].'
)
_READ = (
    "refuses this key because it may not read (401). Set its permission to Read in WooCommerce, Settings, Advanced, "
    "REST API."
)
_PERMALINKS = (
    "has no page /wp-json/wc/v3/orders (404). Choose any permalinks but Plain in WordPress, Settings, Permalinks, and "
    "check that source.url is the address of WordPress itself, with its folder."
)
_NO_ROUTE = (
    "has WordPress' REST API, but not WooCommerce's (404, {code}). Check that WooCommerce is active, and that no "
    "security plug-in closes its REST API."
)
_FIREWALL = (
    "has a firewall that stops the request ({status}, a web page): ModSecurity, a security plug-in or a service "
    "before the site. Ask the host to let GET requests for /wp-json/wc/v3/orders from this machine pass."
)
_CLOSED = (
    "closes its REST API ({status}, {code}). Allow requests with a WooCommerce key in the security plug-in that closes "
    "it."
)
_REDIRECT = (
    "redirects to {place} ({status}), and a key is sent to no other address than the one in the settings. Set "
    "source.url to the address that the shop itself uses."
)
_MAINTENANCE = (
    "is in maintenance (503, a web page). If that lasts, an update broke off: delete the file .maintenance in "
    "WordPress' folder."
)
_ERROR = "has an error ({status}); its own log (WooCommerce, Status, Logs) says more."
_BUSY = "asks for fewer requests (429)."
TOO_LARGE = "answers with a page that is too large to read. Set page_size = 20 in [source]."
_EMPTY = (
    "answers 200 with nothing. PHP probably stopped for lack of memory: see its error log, and set page_size = 20 in "
    "[source]."
)
_PAGE = (
    "answers with a web page in place of orders (200). Check that source.url is the shop's address, and that no login, "
    "cache or coming-soon plug-in answers for /wp-json."
)
_NOTICE = (
    "writes a PHP message around its orders, so that none can be trusted. Set WP_DEBUG_DISPLAY to false in its "
    "wp-config.php, and see its log for the message."
)
_NO_ORDERS = "answers with JSON that is no list of orders ({status}, {code}). Check that source.url is the shop's."
_PARAMETER = (
    "does not accept the request ({status}, {code}). Update WooCommerce: 5.8 of 2021 is the first version that this "
    "program can read."
)
NO_SPAN = (
    "shows the same orders for every span of time. Update WooCommerce (it has the filter modified_after since 5.8 of "
    "2021), and let no cache answer for /wp-json."
)
NO_END = (
    "shows pages without an end. Let no cache or plug-in change the parameter page of /wp-json/wc/v3/orders, and see "
    "whether X-WP-Total tells the number of orders."
)
HIDDEN = (
    "counts {total} orders and shows none of them to this key. Make a key with the permission Read for a shop manager "
    "(WooCommerce, Settings, Advanced, REST API), and see whether a plug-in hides orders from it."
)
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE | re.DOTALL)
_PHP = re.compile(
    rb"<b>(?:notice|warning|deprecated|fatal error|parse error)</b>|PHP [A-Z][a-z]+:"
    rb"|^(?:notice|warning|deprecated|fatal error|parse error): .{1,2000} on line \d",
    re.IGNORECASE | re.MULTILINE,
)
_CODE = re.compile(r"[a-z0-9_]{1,60}")


def is_past_last_page(answer: Answer) -> bool:
    """Return whether an answer says that there are fewer pages, as some sites do in place of an empty page."""
    return answer.status == 400 and (_error_code(answer.body) or "").endswith("invalid_page_number")


def refused(answer: Answer) -> Failure:
    """Return the failure that an answer other than 200 means."""
    code, status = _error_code(answer.body), answer.status
    words = {"code": code or "no code", "status": status}
    match status:
        case 401:
            return Failure(_unauthorised(answer.body).format(**words))
        case 404:
            return Failure((_NO_ROUTE if code else _PERMALINKS).format(**words))
        case 429:
            return Failure(_BUSY, passing=True, wait=answer.retry_after)
        case _ if 300 <= status < 400:
            return Failure(_REDIRECT.format(place=_host(answer.headers.get("Location", "")), **words))
        case 403 | 406 | 501 | 418:
            return Failure((_CLOSED if code else _FIREWALL).format(**words))
        case _ if status >= 500:
            text = _MAINTENANCE if status == 503 and not code else _ERROR.format(**words)
            return Failure(text, passing=True, wait=answer.retry_after)
        case _:
            return Failure(_PARAMETER.format(**words))


def unreadable(answer: Answer) -> Failure:
    """Return the failure of a 200 whose body is no list of orders."""
    body = answer.body
    if answer.cut:
        return Failure(TOO_LARGE)
    if not body.strip():
        return Failure(_EMPTY)
    if _PHP.search(body[:100_000]) or _PHP.search(body[-10_000:]):
        return Failure(_NOTICE)
    if _HTML.match(body):
        return Failure(_PAGE)
    code = _error_code(body)
    return Failure(_NO_ORDERS.format(status=answer.status, code=code or "no code"))


def _unauthorised(body: bytes) -> str:
    if b"secret is invalid" in body:
        return _PAIR
    if b"key is missing" in body:
        return _MISSING
    return _READ if b"read permissions" in body else _KEY


def _error_code(body: bytes) -> str | None:
    """Return the code of WordPress' error object, or None where the body is none."""
    try:
        error = parse(body)
    except ValueError:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _host(location: str) -> str:
    """Return scheme and host of a redirect; its query may contain the key."""
    match = re.match(r"https?://[A-Za-z0-9.-]+", location)
    return match[0] if match else "another page"
