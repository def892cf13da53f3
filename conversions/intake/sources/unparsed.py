"""What the source says that is not understood: as much as an operator may be shown of it, to mend the mapping.

The mapping may point at a column of persons. So words are named only where each of them is short, stands on several
rows and can hardly be an address or a number of a person; otherwise only how many they are is told.
"""

import re
from collections import Counter
from datetime import date

from conversions.model.conversion import Reason, Window
from conversions.model.subject import holds_address
from conversions.settings import Columns

LONGEST, ROWS, NAMED = 30, 2, 5
"""Characters of a word that is named, rows on which each of them stands, and how many are named (issue 10, M1)."""
DIFFERENT = 1_000
"""Words of one column that are told apart: memory stays flat, whatever a column holds."""
NOTED = frozenset({Reason.BAD_AMOUNT, Reason.BAD_DATE})
"""Why rows cannot be orders that a person mends by the mapping, or by how the export writes a column."""
EVER = Window(date.min, date.max)

_NEVER = frozenset({"email", "order_id"})
_NUMBERS = frozenset({"amount", "refunded", "purchased_at", "completed_at", "updated_at"})
_NUMBER_OF_A_PERSON = re.compile(r"\d{8}")


class UnparsedValues:
    """The words of one reading that were not understood, by our column."""

    __slots__ = ("_columns", "_window", "_words")

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.begin(EVER)

    def begin(self, window: Window) -> None:
        """A new reading, of which only the orders of *window* are of interest."""
        self._window = window
        self._words: dict[str, Counter[str | int]] = {field: Counter() for field in Columns.model_fields}

    def note(self, field: str, cell: str, day: date | None = None) -> None:
        """Take note of a *cell* that was not understood; *day* is the one that windows go by, where it is known."""
        if field in _NEVER or (day is not None and not self._window.since <= day <= self._window.until):
            return
        words, word = self._words[field], cell.strip()
        # A word that may not be named is only told from others.
        key = word if word in words or _may_be_named(field, word) else hash(word)
        if key in words or len(words) <= DIFFERENT:
            words[key] += 1

    def named(self, field: str) -> str:
        """The words in *field*, such as "`Fuldført`, `Afsendt`", or how many they are; empty where there are none."""
        words = self._words[field]
        if not words:
            return ""
        if len(words) <= NAMED and all(isinstance(word, str) and rows >= ROWS for word, rows in words.items()):
            return ", ".join(f"`{word}`" if word else "nothing" for word, _ in words.most_common())
        if len(words) == 1:
            return "one value"
        return f"{len(words)} different values" if len(words) <= DIFFERENT else f"over {DIFFERENT} different values"

    def holds(self, field: str, mark: str) -> bool:
        """Whether *mark* stands in one of the words of *field* that are short enough to be looked at."""
        return any(isinstance(word, str) and mark in word for word in self._words[field])

    def column(self, field: str) -> str:
        """For a sentence: the shop's column, and its setting."""
        name = getattr(self._columns, field)
        return f"column `{name}` (source.columns.{field})" if name else f"source.columns.{field}"

    def described(self, field: str) -> str:
        """For a sentence: the column, and what it holds that is not understood."""
        said = self.named(field)
        return f"{self.column(field)} holds {said}" if said else self.column(field)


def _may_be_named(field: str, word: str) -> bool:
    return (
        len(word) <= LONGEST
        and word.isprintable()
        and not holds_address(word)
        and (field in _NUMBERS or _NUMBER_OF_A_PERSON.search(word) is None)
    )
