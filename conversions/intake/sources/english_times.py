"""Parses times with the English name of a month, which leaves no doubt about day and month."""

import re
from datetime import datetime

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WRITTEN = re.compile(
    r"(?P<month>[A-Za-z]{3})[a-z]* (?P<day>\d{1,2}), (?P<year>\d{4})"
    r"(?:,? (?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?: ?(?P<half>[AP]M))?)?",
    re.ASCII,
)


def english_time(text: str) -> tuple[datetime, bool] | None:
    """Return the time in *text*, without a zone, and whether it is a day alone; None where it is no such text.

    Magento's grids write the hours of a whole day with AM or PM behind them, ``Nov 20, 2026 13:04:05 PM``
    (``MetadataProvider.php``, ``M j, Y H:i:s A``), and newer ones the hours of half a day. No text has two meanings:
    hours of a whole day before 12 are never PM. Raises ValueError for a day or an hour that does not exist.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None or match["month"].lower() not in _MONTHS:
        return None
    hour = int(match["hour"] or 0)
    if match["half"] == "PM" and hour < 12:
        hour += 12
    elif match["half"] == "AM" and hour == 12:
        hour = 0
    month = _MONTHS.index(match["month"].lower()) + 1
    clock = hour, int(match["minute"] or 0), int(match["second"] or 0)
    at = datetime(int(match["year"]), month, int(match["day"]), *clock)  # noqa: DTZ001 - the shop's clock
    return at, match["hour"] is None
