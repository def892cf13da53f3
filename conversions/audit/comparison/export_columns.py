"""The columns of a platform's report, by their headings in English and Danish.

Google names its columns in its help ("About the columns for conversions"). The export of Events Manager has no
documentation, so its headings are read as its pages show them.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_BY_TIME = r" \((?:by conv|by conversion|efter konv)[^)]*\)"
_ANY_DATE = rf"(?:{_BY_TIME})?"
_OF_TIME = re.compile(f".*{_BY_TIME}")
_NAME = {"google": r"conversion action|konverteringshandling", "meta": r"event|event name|hændelse|hændelsesnavn"}
_COUNTS = {
    "google": [
        *(rf"(?:all conv\.|all conversions|alle konv\.|alle konverteringer){date}" for date in (_BY_TIME, "")),
        *(rf"(?:conv\.|conversions|konv\.|konverteringer){date}" for date in (_BY_TIME, "")),
    ],
    "meta": [r"(?:total )?events received|received|modtagne hændelser", r"total events|events|count|hændelser|antal"],
}
"""The best first: of Google's, what counts all conversions, by the time of the conversion."""
_VALUES = {
    "google": [
        rf"(?:all conv\. value|all conversion value|alle konv\.?-?værdi(?:er)?){_ANY_DATE}",
        rf"(?:(?:total )?conv\. value|conversion value|konv\.?-?værdi|konverteringsværdi){_ANY_DATE}",
    ],
    "meta": [r"(?:total )?(?:event |conversion )?value|(?:samlet )?værdi"],
}
_DAY = r"day|date|dag|dato"
_CURRENCY = r"currency|currency code|valuta|valutakode"


class Columns(NamedTuple):
    """Positions of the columns in a row; None: there is no such column."""

    events: int
    value: int | None
    name: int | None
    day: int | None
    currency: int | None
    by_click_date: bool

    @property
    def summed(self) -> tuple[int, ...]:
        """The columns that are added up."""
        return tuple(at for at in (self.events, self.value) if at is not None)


def columns_of(heading: Sequence[str], kind: str) -> Columns | None:
    """Return the columns of *heading*, a row of a report of the platform *kind*; None where it is no heading."""
    names = [normalised(cell) for cell in heading]
    events = _first(names, _COUNTS[kind])
    if events is None:
        return None
    by_time = _OF_TIME.fullmatch(names[events]) is not None
    alike = [name if (_OF_TIME.fullmatch(name) is not None) is by_time else "" for name in names]
    return Columns(
        events=events,
        value=_first(alike, _VALUES[kind]),
        name=_first(names, [_NAME[kind]]),
        day=_first(names, [_DAY]),
        currency=_first(names, [_CURRENCY]),
        by_click_date=kind == "google" and not by_time,
    )


def normalised(cell: str) -> str:
    """Return *cell* in lower case, with single spaces."""
    return " ".join(cell.split()).casefold()


def _first(names: Sequence[str], patterns: Sequence[str]) -> int | None:
    found = (at for pattern in patterns for at, name in enumerate(names) if re.fullmatch(pattern, name))
    return next(found, None)
