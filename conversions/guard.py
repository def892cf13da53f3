"""Ordinary mistakes, noticed between the barrier and the first claim (design §6)."""

from collections.abc import Mapping

from conversions.errors import SuspiciousSource
from conversions.reading import Reading

MANY_BAD_ROWS = 20
BAD_SHARE = 0.05


def not_too_many(new: Mapping[str, tuple[int, int | None]], accepted: int) -> None:
    """Raise SuspiciousSource where a destination would get more new orders than its ``max_new``.

    *new* has by destination how many wait and its ``max_new``; *accepted* is what a person said is no mistake.
    """
    for name, (waiting, most) in new.items():
        if most is not None and max(most, accepted) < waiting:
            raise SuspiciousSource(
                f"{waiting} new orders would go to {name}, more than max_new = {most}: nothing was sent. Look at them "
                f"with `conversions plan`; if they are right, `conversions run --accept-large {waiting}`."
            )


def bad_rows(reading: Reading) -> list[str]:
    """One sentence where unusually many rows could not be orders: over 5 % and at least 20."""
    bad = reading.quarantined.total()
    if bad < MANY_BAD_ROWS or bad <= BAD_SHARE * reading.rows:
        return []
    return [f"{bad} of {reading.rows} rows could not be orders; `conversions status` lists them."]
