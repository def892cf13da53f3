"""Parses cells with several values, such as product IDs, and recognises the words for "nothing"."""

import json

from conversions.intake.sources.cells.cells import NumberText

_NOTHING = frozenset(
    {"null", "\\n", "nat", "nan", "none", "nil", "-", "--", "n/a", "#n/a", "<na>", "<null>", "(null)", "[null]"}
)
"""As databases, pandas, R and Excel write it; ``\\N`` is MySQL's and PostgreSQL's."""
MAX_WORD_CHARACTERS = max(map(len, _NOTHING))


def is_nothing(cell: str) -> bool:
    """Return whether *cell* says that there is no value, such as ``NULL`` or MySQL's ``0000-00-00 00:00:00``."""
    word = cell.strip().casefold()
    return word in _NOTHING or word.startswith("0000-00-00")


def split_list(cell: str, separator: str) -> tuple[str, ...]:
    """Return the values of a cell: of a JSON list, or separated by *separator*.

    A JSON list of anything but texts and numbers stays one value, which is no product ID and no number. Each value is a
    number by its type where the cell, or its item of JSON, is one.
    """
    if len(cell) <= MAX_WORD_CHARACTERS and is_nothing(cell):
        return ()
    if cell[:1] == "[" and (items := _json_list(cell)) is not None:
        return items
    texts = tuple(filter(None, map(str.strip, cell.split(separator))))
    return texts if type(cell) is str else tuple(map(NumberText, texts))


def _json_list(cell: str) -> tuple[str, ...] | None:
    try:
        values = json.loads(cell, parse_float=NumberText, parse_int=NumberText)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        return None
    return tuple(each if isinstance(each, NumberText) else each.strip() for each in values)
