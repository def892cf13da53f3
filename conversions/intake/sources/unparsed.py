"""Values of the source that could not be parsed, as far as messages may show them so that an operator can correct them.

The mapping may name a column with personal data by mistake. So a message shows values only where each is short, is in
several rows, and is unlikely to be an address or a personal number; otherwise it shows only their count.
"""

import re
from collections import Counter
from datetime import date

from conversions.model.conversion import Reason, Window
from conversions.model.subject import holds_address
from conversions.settings import Columns
from conversions.settings.source_format import DateOrder

MAX_WORD_CHARACTERS, MIN_ROWS_PER_WORD, MAX_WORDS_NAMED = 30, 2, 5
"""Limits of the values that a message may show (issue 10, M1)."""
MAX_DISTINCT_WORDS = 1_000
"""Different words of one column that are counted; the limit keeps memory flat for any content."""
MAX_PLACES_NAMED = 3
CELL_REASONS = frozenset({Reason.BAD_AMOUNT, Reason.BAD_DATE})
"""Reasons of bad rows that an operator corrects in the mapping, or in the format of the export."""
ALL_DAYS = Window(date.min, date.max)

_NEVER = frozenset({"email", "order_id"})
_NUMBERS = frozenset({"amount", "refunded", "purchased_at", "completed_at", "updated_at"})
_NUMBER_OF_A_PERSON = re.compile(r"\d{8}")


class UnparsedValues:
    """The values of one reading that could not be parsed, by our column."""

    __slots__ = ("_columns", "_places", "_window", "_words", "dates", "mapped")

    def __init__(self, columns: Columns, *, mapped: bool = True, dates: DateOrder | None = None) -> None:
        self._columns = columns
        self.dates = dates
        """The declared order of day and month."""
        self.mapped = mapped
        """Whether the operator maps the columns; a shop system's own fields have one meaning."""
        self.reset(ALL_DAYS)

    def reset(self, window: Window) -> None:
        """Forget all values, and start a reading of *window*."""
        self._window = window
        self._words: dict[str, Counter[str | int]] = {field: Counter() for field in Columns.model_fields}
        self._places: dict[str, list[str]] = {field: [] for field in Columns.model_fields}

    def note(self, field: str, cell: str, day: date | None = None, place: str | None = None) -> None:
        """Count a *cell* that could not be parsed; *day* is the order's window day, where it is known."""
        if field in _NEVER or (day is not None and not self._window.since <= day <= self._window.until):
            return
        if place and len(self._places[field]) < MAX_PLACES_NAMED:
            self._places[field].append(place)
        words, word = self._words[field], cell.strip()
        # A word that a message may not show is only counted.
        key = word if word in words or may_be_shown(field, word) else hash(word)
        if key in words or len(words) <= MAX_DISTINCT_WORDS:
            words[key] += 1

    def words(self, field: str) -> str:
        """Return the words in *field*, such as "`Fuldført`, `Afsendt`", or their count; empty where there are none."""
        words = self._words[field]
        if not words:
            return ""
        if len(words) <= MAX_WORDS_NAMED and all(
            isinstance(word, str) and rows >= MIN_ROWS_PER_WORD for word, rows in words.items()
        ):
            return ", ".join(f"`{word}`" if word else "nothing" for word, _ in words.most_common())
        if len(words) == 1:
            return "one value"
        return (
            f"{len(words)} different values"
            if len(words) <= MAX_DISTINCT_WORDS
            else f"over {MAX_DISTINCT_WORDS} different values"
        )

    def shown(self, field: str) -> list[str]:
        """Return the words of *field* that a message may show; for advice on how cells are written."""
        return [word for word in self._words[field] if isinstance(word, str)]

    def places(self, field: str) -> list[str]:
        """Return the first rows with a bad cell in *field*."""
        return list(self._places[field])

    def column(self, field: str) -> str:
        """Return the shop's column and its setting, as part of a message."""
        name = getattr(self._columns, field)
        if not self.mapped:
            return f"the order's `{name or field}`"
        return f"column `{name}` (source.columns.{field})" if name else f"source.columns.{field}"

    def describe(self, field: str) -> str:
        """Return the column and its values that could not be parsed, as part of a message."""
        words = self.words(field)
        return f"{self.column(field)} holds {words}" if words else self.column(field)


def may_be_shown(field: str, word: str) -> bool:
    """Return whether a message may show *word* of our column *field*, if it is also in several rows."""
    return (
        len(word) <= MAX_WORD_CHARACTERS
        and word.isprintable()
        and not holds_address(word)
        and (field in _NUMBERS or _NUMBER_OF_A_PERSON.search(word) is None)
    )
