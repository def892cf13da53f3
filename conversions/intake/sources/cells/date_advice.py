"""Names the setting that fits dates which could not be read, by the cells that were seen."""

import re
from collections.abc import Sequence

from conversions.catalogue import APPROVE
from conversions.intake.sources.cells.times import EXCEL_DAY, UNIX_TIME
from conversions.settings.source_format import DateOrder

_DAY_AND_MONTH = re.compile(r"([0-9]{1,2})([-./])\s?([0-9]{1,2})\2\s?(?:[0-9]{4}|[0-9]{2})(?![0-9])")
_ISO = "Write dates as 2026-11-29, or with a time as 2026-11-29T13:30:00+01:00."


def date_advice(cells: Sequence[str], places: Sequence[str], declared: DateOrder | None) -> str:
    """Return one sentence; *places* are the first rows at fault, *declared* is the setting."""
    dates = [match for match in map(_DAY_AND_MONTH.match, cells) if match]
    if dates:
        return _order(dates, places, declared)
    if cells and all(map(EXCEL_DAY.fullmatch, cells)):
        return f'These look like days of Excel: set dates = "excel" in [source.format], then {APPROVE}.'
    if cells and all(map(UNIX_TIME.fullmatch, cells)):
        return f'These look like Unix time: set dates = "unix" in [source.format], then {APPROVE}.'
    return _ISO


def _order(dates: Sequence[re.Match[str]], places: Sequence[str], declared: DateOrder | None) -> str:
    day_first = any(int(match[1]) > 12 for match in dates)
    month_first = any(int(match[3]) > 12 for match in dates)
    match day_first, month_first:
        case (False, True) | (True, False) if declared == ("dmy" if month_first else "mdy"):
            first = "month" if month_first else "day"
            rows = f" ({', '.join(places)})" if places else ""
            return (
                f'The {first} comes first there, although dates = "{declared}" is set: days that fit both orders are '
                f"not read either. Correct the setting in [source.format], then {APPROVE}; or, if right for other "
                f"files, keep these{rows} out of source.path."
            )
        case True, False:
            return f'The day comes first: set dates = "dmy" in [source.format], then {APPROVE}.'
        case False, True:
            return f'The month comes first: set dates = "mdy" in [source.format], then {APPROVE}.'
        case True, True:
            return f"Some begin with the day and others with the month, which no setting can tell apart. {_ISO}"
        case _:
            rows = f", such as in {', '.join(places)}" if places else ""
            return (
                f"Each could begin with the day or the month{rows}: look at the shop's own list of orders, then set "
                f'dates = "dmy" (day first) or "mdy" (month first) in [source.format], then {APPROVE}.'
            )
