"""The newest checkpoint from outside that the log continues, what came after it, and how old it is."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from conversions.ledger.store import instant
from conversions.model.local_time import local_time


@dataclass(frozen=True, slots=True)
class Coverage:
    """One checkpoint, and the entries after it."""

    place: str
    size: int
    at: datetime
    """Time of the newest entry under it: aware, UTC."""
    after: int
    """Entries after it."""
    first_after: datetime | None
    last_after: datetime | None

    def sentence(self, zone: ZoneInfo, now: datetime) -> str:
        """Return it in words, with times in the shop's *zone*."""
        age = f"The newest from outside that fits is {self.place}, {_age(now - self.at)} old"
        if self.first_after is None or self.last_after is None:
            return f"{age}. No entry came after it."
        first, last = local_time(self.first_after, zone), local_time(self.last_after, zone)
        return f"{age}. After it came {self.after} entries, from {first} to {last}: nothing from outside covers them."

    def json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "place": self.place,
            "entries": self.size,
            "at": self.at,
            "entries_after": self.after,
            "first_after": self.first_after,
            "last_after": self.last_after,
        }


def measure(store: sqlite3.Connection, place: str, size: int, tree_size: int) -> Coverage:
    """Return the coverage of a checkpoint of *size* entries in a log of *tree_size*. Raises sqlite3.Error."""
    after = tree_size - size
    first, last = (_time(store, size), _time(store, tree_size - 1)) if after else (None, None)
    return Coverage(place, size, _time(store, size - 1), after, first, last)


def _time(store: sqlite3.Connection, entry: int) -> datetime:
    ((at,),) = store.execute("SELECT json_extract(body, '$.t') FROM leaf WHERE seq = ?", (entry,)).fetchall()
    return instant(at)


def _age(age: timedelta) -> str:
    if age >= timedelta(days=1):
        return f"{age.days} day{'s' if age.days != 1 else ''}"
    hours = max(0, int(age.total_seconds() // 3600))
    return f"{hours} hour{'s' if hours != 1 else ''}" if hours else "less than an hour"
