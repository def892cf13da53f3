"""Types of values that TOML does not have: durations, addresses of hosts, time zones, account numbers."""

import re
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
LOOPBACK = re.compile(rf"https?://(?:localhost|127(?:\.{_OCTET}){{3}}|\[::1])(?::([1-9][0-9]{{0,4}}))?/?")
"""Only scheme, host and port, in a form in which every URL parser finds the same host."""

PROXY = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+]):([1-9][0-9]{0,4})/?")
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
HOST = re.compile(rf"\.?{_LABEL}(?:\.{_LABEL})*|[0-9A-Fa-f:]+")
_SHOP = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/(?!wp-json)[A-Za-z0-9._~-]+)*/?")
_SHOPIFY = re.compile(r"(?:https://)?([a-z0-9][a-z0-9-]{0,62})\.myshopify\.com/?")
_NEWSLETTERS = re.compile(
    "newsletter|nyhedsbrev|nyhedsmail|mailinglist|maillist|mailchimp|mailpoet|klaviyo|activecampaign|brevo|sendinblue"
    "|omnisend|getresponse|subscri|e?mailmarketing|accepts?(?:buyer|email)?marketing|marketing(?:e?mail|optin)"
    "|optinmarketing|mail(?:consent|optin|permission|samtykke)|(?:consent|optin|permission|samtykke)(?:to|til)?e?mail"
)
"""In the name of a field of consent, without the marks between its words."""
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def duration(text: object) -> object:
    """Return ``"90s"``, ``"30m"``, ``"26h"`` or ``"7d"`` as a timedelta; pydantic validates any other value."""
    match = re.fullmatch(r"(\d+)\s*([smhd])", text) if isinstance(text, str) else None
    if match is None:
        return text
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    try:
        return timedelta(**{unit: int(match[1])})
    except OverflowError:
        return text


def loopback(url: str) -> str:
    """Return the address of a stand-in on this machine, without a slash at its end. Raises ValueError for any other."""
    match = LOOPBACK.fullmatch(url)
    if match is None or int(match[1] or 0) > 65535:
        raise ValueError("endpoint is for rehearsals and must be a loopback address, such as http://127.0.0.1:8085")
    return url.rstrip("/")


def proxy_url(url: str) -> str:
    """Return scheme, host and port of a proxy. Raises ValueError for anything else, and for a URL with a password."""
    if "@" in url:
        raise ValueError(
            "a user and a password do not belong into the file: put them into CONVERSIONS_PROXY_USER and "
            "CONVERSIONS_PROXY_PASSWORD in .env, and change a password that stood here"
        )
    match = PROXY.fullmatch(url)
    if match is None or int(match[1]) > 65535:
        raise ValueError("write the proxy with its port, such as http://proxy.example:3128")
    return url.rstrip("/").lower()


def host_name(host: str) -> str:
    """Return the name or address of a host, in lower case. Raises ValueError for a URL, a port or a pattern."""
    if not HOST.fullmatch(host):
        raise ValueError("write names of hosts, such as hc-ping.example, without https://, port or *")
    return host.strip(".").lower()


def shop_url(url: str) -> str:
    """Return a shop's address without a slash at its end. Raises ValueError for plain http, a login, or a query."""
    if _SHOP.fullmatch(url) is None and LOOPBACK.fullmatch(url) is None:
        raise ValueError(
            "write the shop's address as https://shop.example, without a login, a query or wp-json; plain http would "
            "show the key and the orders to the network"
        )
    return url.rstrip("/")


def shopify_name(name: str) -> str:
    """Return a shop's name at Shopify, as name.myshopify.com. Raises ValueError for another address."""
    match = _SHOPIFY.fullmatch(name.strip().lower())
    if match is None:
        raise ValueError(
            "write the shop's own name at Shopify, name.myshopify.com, not the address that buyers see; "
            "admin.shopify.com/store/NAME shows it"
        )
    return f"{match[1]}.myshopify.com"


def ad_consent_name(name: str) -> str:
    """Return the name of a field with consent to ads. Raises ValueError where it is about newsletters or messages."""
    words = [word.lower() for word in _WORDS.findall(name)]
    messages = (
        "SMS" in name or re.search("textmessage|whatsapp|pushnotification", "".join(words)) or {"sms", "mms"} & {*words}
    )
    if messages or _NEWSLETTERS.search("".join(words)):
        raise ValueError(
            f"`{name}` is about {'text messages' if messages else 'newsletters'}, which is no consent to ad "
            "measurement; name a field that holds the visitor's answer about ads (docs/woocommerce.md and "
            "docs/shopify.md show how to record one)"
        )
    return name


def zone_name(name: str) -> str:
    """Return the name of a time zone that this machine knows. Raises ValueError for any other."""
    if name not in available_timezones():
        raise ValueError("not a time zone; use a name such as Europe/Copenhagen")
    return name


def is_currency(text: str) -> bool:
    """Return whether ISO 4217 has a currency with this code, in upper or lower case, and with known decimals."""
    from iso4217 import Currency as Iso

    return any(text.strip().upper() == entry.code for entry in Iso if entry.exponent is not None)


def currency(text: str) -> str:
    """Return the code of a currency, in capitals. Raises ValueError for anything else."""
    if not is_currency(text):
        raise ValueError("not a currency; use a code of ISO 4217, such as DKK")
    return text.strip().upper()


def days_of(span: str) -> list[date]:
    """Return the days of ``"2026-12-24"`` or ``"2026-07-06..2026-07-26"``, both included. Raises ValueError."""
    first, dots, last = span.partition("..")
    try:
        since = date.fromisoformat(first.strip())
        until = date.fromisoformat(last.strip()) if dots else since
    except ValueError:
        raise ValueError("write a day as 2026-12-24, or days as 2026-07-06..2026-07-26") from None
    count = (until - since).days + 1
    if not 0 < count <= 366:
        raise ValueError("the last day is before the first day" if count <= 0 else "the span is longer than a year")
    return [since + timedelta(n) for n in range(count)]


def person_name(text: str) -> str:
    """Return the name of a person. Raises ValueError for an address, because the log keeps the name in clear."""
    if "@" in text or "%40" in text:
        raise ValueError("write the person's name, not an e-mail address: the log keeps it in clear")
    return text.strip()


def _span(value: object) -> object:
    """Accept TOML's own dates, too."""
    text = value.isoformat() if isinstance(value, date) else value
    if isinstance(text, str):
        days_of(text)
    return text


Currency = Annotated[str, AfterValidator(currency)]
Days = Annotated[str, BeforeValidator(_span)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
ProxyUrl = Annotated[str, AfterValidator(proxy_url)]
Host = Annotated[str, AfterValidator(host_name)]
AdConsentName = Annotated[str, AfterValidator(ad_consent_name)]
ShopifyName = Annotated[str, AfterValidator(shopify_name)]
ShopUrl = Annotated[str, AfterValidator(shop_url)]
Endpoint = Annotated[str, AfterValidator(loopback)]
PersonName = Annotated[str, AfterValidator(person_name)]
Digits = Annotated[str, Field(pattern=r"^\d{1,20}$")]
