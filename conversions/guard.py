"""Ordinary mistakes, noticed between the barrier and the first claim (design §6)."""

from collections.abc import Mapping

from conversions.reading import Reading
from conversions.report import unusually_many


def too_many(new: Mapping[str, tuple[int, int | None]], accepted: int) -> list[str]:
    """One sentence for each destination that would get more new orders than its ``max_new``.

    *new* has by destination how many wait and its ``max_new``; *accepted* is what a person said is no mistake.
    """
    return [
        f"{waiting} new orders would go to {name}, more than max_new = {most}: nothing is sent. Look at them with "
        f"`conversions plan`; if they are right, `conversions run --accept-large {waiting}`."
        for name, (waiting, most) in new.items()
        if most is not None and max(most, accepted) < waiting
    ]


def bad_rows(reading: Reading) -> list[str]:
    """One sentence where unusually many rows could not be orders: over 5 % and at least 20."""
    bad = reading.quarantined.total()
    if not unusually_many(bad, reading.rows):
        return []
    return [f"{bad} of {reading.rows} rows could not be orders; `conversions status` lists them."]
