"""The platforms' clocks against ours: days, ages and windows are reckoned by it, and a wrong one would send wrongly."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from conversions.errors import SettingsError
from conversions.transport import http

MAX_SKEW = timedelta(days=2)
"""Less is a clock that drifts, or a cache in between; more stamps or ages orders wrongly."""


def check(urls: Mapping[str, str], now: datetime) -> None:
    """Ask every platform the time, by name and URL, without sending it anything.

    Raises SettingsError where *now* is two days off or more. One that does not answer is no matter here: sending will
    meet the same trouble, and says so.
    """
    for name, url in urls.items():
        if mistake := difference(name, http.server_date(url), now):
            raise SettingsError(mistake)


def difference(name: str, date: str | None, now: datetime) -> str | None:
    """One sentence where *date*, the ``Date`` header of an answer from *name*, is two days or more off *now*."""
    theirs = http.instant(date or "")
    if theirs is None or abs(theirs - now) < MAX_SKEW:
        return None
    return (
        f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC and {name} says {theirs:%Y-%m-%d %H:%M}: nothing is sent "
        "by a clock that is days off. Set it, then `conversions run`."
    )
