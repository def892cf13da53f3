"""Values that TOML has no form for: durations, loopback addresses, time zones, account numbers."""

import re
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
LOOPBACK = re.compile(rf"https?://(?:localhost|127(?:\.{_OCTET}){{3}}|\[::1])(?::([1-9][0-9]{{0,4}}))?/?")
"""Scheme, host and port alone, spelled so that every parser of URLs finds the same host."""


def duration(text: object) -> object:
    """``"90s"``, ``"30m"``, ``"26h"`` or ``"7d"`` as a timedelta; anything else is left to pydantic."""
    found = re.fullmatch(r"(\d+)\s*([smhd])", text) if isinstance(text, str) else None
    if found is None:
        return text
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    try:
        return timedelta(**{unit: int(found[1])})
    except OverflowError:
        return text


def loopback(url: str) -> str:
    """The address of a stand-in on this machine, without a slash at its end; ValueError for any other."""
    found = LOOPBACK.fullmatch(url)
    if found is None or int(found[1] or 0) > 65535:
        raise ValueError("endpoint is for rehearsals and takes loopback hosts only, such as http://127.0.0.1:8085")
    return url.rstrip("/")


def zone_name(name: str) -> str:
    """A time zone's name that this machine knows; ValueError for any other."""
    if name not in available_timezones():
        raise ValueError("not a time zone; use a name such as Europe/Copenhagen")
    return name


def is_currency(text: str) -> bool:
    """Whether ISO 4217 has a currency of this code, in any case, with units that money comes in."""
    from iso4217 import Currency as Iso

    return any(text.strip().upper() == one.code for one in Iso if one.exponent is not None)


def currency(text: str) -> str:
    """The code of a currency, in capitals; ValueError for anything else."""
    if not is_currency(text):
        raise ValueError("not a currency; use a code of ISO 4217 such as DKK")
    return text.strip().upper()


def days_of(span: str) -> list[date]:
    """The days of ``"2026-12-24"`` or ``"2026-07-06..2026-07-26"``, both included; ValueError for anything else."""
    first, dots, last = span.partition("..")
    try:
        since = date.fromisoformat(first.strip())
        until = date.fromisoformat(last.strip()) if dots else since
    except ValueError:
        raise ValueError("write a day as 2026-12-24, or days as 2026-07-06..2026-07-26") from None
    count = (until - since).days + 1
    if not 0 < count <= 366:
        raise ValueError("it ends before it begins" if count <= 0 else "it is longer than a year")
    return [since + timedelta(n) for n in range(count)]


def _span(value: object) -> object:
    """TOML has days, too."""
    text = value.isoformat() if isinstance(value, date) else value
    if isinstance(text, str):
        days_of(text)
    return text


Currency = Annotated[str, AfterValidator(currency)]
Days = Annotated[str, BeforeValidator(_span)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Endpoint = Annotated[str, AfterValidator(loopback)]
Digits = Annotated[str, Field(pattern=r"^\d{1,20}$")]
