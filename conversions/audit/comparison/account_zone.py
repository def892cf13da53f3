"""Purchases near midnight, which the zone of the platform's account may put into another month."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from conversions.audit.comparison.log_totals import ZONE_DAYS
from conversions.model.conversion import Window

LAST_SECOND = time(23, 59, 59)
Precision = Literal["day", "exact"]
"""What was sent: the purchase day's last second in the shop's zone, or the instant."""


def days_moved(period: Window, shop: ZoneInfo, account: ZoneInfo, precision: Precision) -> tuple[set[date], set[date]]:
    """Return the days of *period* that may count outside it, and the days outside that may count in it."""
    inside = [*_near(period.since), *_near(period.until)]
    spans = {day: _account_days(day, shop, account, precision) for day in inside}
    leaving = {day for day, span in spans.items() if _is_in(period)(day) and not all(map(_is_in(period), span))}
    entering = {day for day, span in spans.items() if not _is_in(period)(day) and any(map(_is_in(period), span))}
    return leaving, entering


def _near(day: date) -> list[date]:
    return [day + timedelta(days=n) for n in range(-ZONE_DAYS, ZONE_DAYS + 1)]


def _account_days(day: date, shop: ZoneInfo, account: ZoneInfo, precision: Precision) -> list[date]:
    """The first and the last day of the account on which a purchase of *day* may count."""
    times = (LAST_SECOND,) if precision == "day" else (time(), LAST_SECOND)
    return [datetime.combine(day, each, shop).astimezone(account).date() for each in times]


def _is_in(period: Window) -> Callable[[date], bool]:
    return lambda day: period.since <= day <= period.until
