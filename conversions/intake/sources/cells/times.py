"""Parses times in all the ways that exports write them. It never guesses whether the day or the month comes first."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from conversions.intake.sources.cells.cells import EPOCH, SPACES, CellError, ParsedTime, parse_time
from conversions.model.conversion import Reason
from conversions.settings.source_format import DateOrder

EXCEL_EPOCH = date(1899, 12, 30)
"""Day 0 of Excel's 1900 system, for days after its 29 February 1900, which never was."""
EXCEL_DAY = re.compile(r"([0-9]{5})(?:[.,]([0-9]{1,15}))?(\+00:00)?")
UNIX_TIME = re.compile(r"([0-9]{9,10}|[0-9]{12,13}|[0-9]{15,16})(?:[.,]([0-9]{1,9}))?")
"""Seconds, milliseconds or microseconds of 1973 to 2286; fewer digits may be a day such as 20261120."""

_DATE = r"(?P<first>\d{1,4})(?P<mark>[-./])\s?(?P<second>\d{1,2})(?P=mark)\s?(?P<third>\d{1,4})"
_CLOCK = (
    r"(?P<hour>\d{1,2})(?P<colon>[:.])(?P<minute>\d\d)(?:(?P=colon)(?P<seconds>\d\d(?:[.,]\d{1,9})?))?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?(?![A-Za-z]))?"
)
_ZONE = r"(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?\s*(?:(?P<bracket>\[)?(?P<zone>[A-Za-z]+(?:/[\w+-]+)*)(?(bracket)\]))?"
_WRITTEN = re.compile(rf"{_DATE}(?:(?:T|,?\s+(?:kl\.?\s*)?){_CLOCK}\s*{_ZONE})?", re.ASCII)
_DAY_AND_MONTH = re.compile(r"\s*(\d{1,2})([-./])\s?(\d{1,2})\2\s?(?:\d{4}|\d\d)(?!\d)", re.ASCII)
_MAIL = re.compile(
    r"(?:[A-Z][a-z]{2},\s+)?\d{1,2}\s[A-Z][a-z]{2}\s\d{4}\s\d{1,2}:\d\d(?::\d\d)?"
    r"\s(?:[+-]\d{4}|UTC?|GMT|Z|[ECMP][SD]T)(?:\s\([A-Za-z ]+\))?",
    re.ASCII,
)
"""RFC 2822, section 3.3, with the zones of section 4.3 that have one meaning."""


class Times:
    """Parses times by ``[source.format] dates``; a time without offset is in the shop's *zone*.

    *mixed* says that other cells of the table contradict *order*: then a day that fits both orders is refused.
    """

    def __init__(self, zone: ZoneInfo, order: DateOrder | None, *, mixed: bool = False) -> None:
        self._zone, self._order, self._mixed = zone, order, mixed

    def contradicts(self, cell: str) -> bool:
        """Return whether *cell* is a day only if day and month change places."""
        match = _DAY_AND_MONTH.match(cell)
        if match is None or self._order not in {"dmy", "mdy"}:
            return False
        day, month = int(match[1]), int(match[3])
        if self._order == "mdy":
            day, month = month, day
        return 1 <= day <= 12 < month <= 31

    def __call__(self, cell: str, field: str) -> ParsedTime:
        """Return the time. ISO 8601 and forms with one meaning need no setting. Raises CellError."""
        try:
            return parse_time(cell, self._zone, field)
        except CellError:
            text = str(cell).translate(SPACES).strip()
        try:
            return self._number(text, field) or self._written(text, field)
        except (ValueError, OverflowError):
            raise CellError(Reason.BAD_DATE, field) from None

    def _number(self, text: str, field: str) -> ParsedTime | None:
        """Return what a number counts; None for a text. Raises ValueError, OverflowError, CellError."""
        if self._order == "excel" and (match := EXCEL_DAY.fullmatch(text)):
            day, fraction, offset = EXCEL_EPOCH + timedelta(days=int(match[1])), match[2] or "", match[3] or ""
            # Excel shows an instant with a few decimals; the nearest second is the one that was meant.
            clock = timedelta(seconds=round(Decimal(f"0.{fraction or 0}") * 86_400))
            at = datetime.combine(day, datetime.min.time()) + clock
            return parse_time(f"{at.isoformat()}{offset}" if clock else day.isoformat(), self._zone, field)
        if self._order == "unix" and (match := UNIX_TIME.fullmatch(text)):
            count = Decimal(text.replace(",", "."))
            exponent = 6 - (len(match[1]) - 9) // 3 * 3
            return self._instant(EPOCH + timedelta(microseconds=int(count.scaleb(exponent))))
        return None

    def _written(self, text: str, field: str) -> ParsedTime:
        """Raise ValueError, OverflowError or CellError for a text that is no time, or may be two."""
        if _MAIL.fullmatch(text):
            return self._instant(parsedate_to_datetime(text.replace("-0000", "+0000")))
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise ValueError
        day = self._day(match)
        if match["hour"] is None:
            return parse_time(day.isoformat(), self._zone, field)
        hour, seconds, offset = _hour(match), (match["seconds"] or "00").replace(",", "."), match["offset"] or ""
        if hour == 24:
            if match["minute"] != "00" or seconds.strip("0."):
                raise ValueError
            day, hour = day + timedelta(days=1), 0
        iso = f"{day.isoformat()}T{hour:02}:{match['minute']}:{seconds}"
        if match["zone"] is None:
            return parse_time(f"{iso}{offset}", self._zone, field)
        zone = _zone(match["zone"])
        at = parse_time(f"{iso}{offset}", zone, field).at
        if offset and at.astimezone(zone).replace(tzinfo=None) != datetime.fromisoformat(iso):
            raise ValueError  # the offset is another zone's
        return self._instant(at)

    def _day(self, match: re.Match[str]) -> date:
        first, second, third = (int(match[part]) for part in ("first", "second", "third"))
        if len(match["first"]) == 4 and len(match["third"]) <= 2:
            return date(first, second, third)
        if self._order not in {"dmy", "mdy"} or len(match["first"]) > 2 or len(match["third"]) not in {2, 4}:
            raise ValueError
        if self._mixed and first != second and max(first, second) <= 12:
            raise ValueError
        year = third if len(match["third"]) == 4 else 2000 + third
        return date(year, second, first) if self._order == "dmy" else date(year, first, second)

    def _instant(self, at: datetime) -> ParsedTime:
        return parse_time(at.isoformat(), self._zone, "")


def _hour(match: re.Match[str]) -> int:
    """Return the hour, 0 to 24. Raises ValueError for 13 PM."""
    hour = int(match["hour"])
    if match["half"] is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError
    return hour % 12 + (12 if match["half"] in "Pp" else 0)


def _zone(name: str) -> ZoneInfo:
    """Return the zone. Raises ValueError for abbreviations such as CET, which mean two things in summer."""
    if "/" not in name and name not in {"UTC", "GMT"}:
        raise ValueError
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError from None
