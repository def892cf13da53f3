"""Parses times with the English name of a month, which leaves no doubt about day and month."""

import re
from datetime import datetime

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_CLOCK = r"(?:,? (?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?: ?(?P<half>[AP]M))?)?"
_WRITTEN = (
    re.compile(rf"(?P<month>[A-Za-z]{{3,9}})\.? (?P<day>\d{{1,2}}),? (?P<year>\d{{4}}){_CLOCK}", re.ASCII),
    re.compile(rf"(?P<day>\d{{1,2}})(?:\.? |-)(?P<month>[A-Za-z]{{3,9}})\.?[ -](?P<year>\d{{4}}){_CLOCK}", re.ASCII),
)
"""``Nov 20, 2026`` and ``20-Nov-2026``. Years of two digits may be days: ``20-Nov-26``."""


def english_time(text: str) -> tuple[datetime, bool] | None:
    """Return the time in *text*, without a zone, and whether it is a day alone; None where it is no such text.

    Magento's grids write the hours of a whole day with AM or PM behind them, ``Nov 20, 2026 13:04:05 PM``
    (``MetadataProvider.php``, ``M j, Y H:i:s A``), and newer ones the hours of half a day. No text has two meanings:
    hours of a whole day before 12 are never PM. Raises ValueError for a day or an hour that does not exist.
    """
    match = next(filter(None, (written.fullmatch(text) for written in _WRITTEN)), None)
    month = _month(match["month"]) if match else None
    if match is None or month is None:
        return None
    hour = int(match["hour"] or 0)
    if match["half"] == "PM" and hour < 12:
        hour += 12
    elif match["half"] == "AM" and hour == 12:
        hour = 0
    clock = hour, int(match["minute"] or 0), int(match["second"] or 0)
    at = datetime(int(match["year"]), month, int(match["day"]), *clock)  # noqa: DTZ001 - the shop's clock
    return at, match["hour"] is None


def _month(word: str) -> int | None:
    """Return the month of an English name or its beginning. Finnish ``marraskuu`` is November, and none here."""
    return next((number for number, name in enumerate(_MONTHS, 1) if name.startswith(word.lower())), None)
