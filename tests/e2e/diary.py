"""A diary of nights: how each order stood after each run, kept by hand, and compared with what the run reported."""

from collections import Counter
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

from tests.e2e.said import Json
from tests.e2e.shop import NAMES, ZONE, Row, Shop

AGAINST = ("withheld", "quarantined", "rejected", "expired")
SENT = ("received", "recorded", "unmatched", "duplicate")
Key = tuple[str, str]
"""Number and destination of an order."""

_STANDING = """
    SELECT a.order_no, n.name, d.state, d.reason, d.run FROM delivery d JOIN sale a ON a.id = d.sale
    JOIN destination n ON n.id = d.destination
"""


class Standing(NamedTuple):
    """How an order stood after a run."""

    night: date
    run: int
    state: str
    reason: str | None
    is_read: bool


class Stretch(NamedTuple):
    """The last nights in succession on which an order stood against sending."""

    first: date
    last: date
    first_run: int
    last_run: int
    state: str
    reason: str | None
    state_now: str
    sent_run: int | None


class Diary:
    """Runs nights, and keeps how each order stood after each of them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.nights: dict[Key, list[Standing]] = {}

    def night(self, rows: list[Row]) -> None:
        """One run with these orders in the export, a day after the last one."""
        self.shop.wait(days=1)
        self.shop.orders(*rows)
        said = self.shop.run()
        assert said.code in {0, 1}, said
        [(run,)] = self.shop.sql("SELECT max(id) FROM run")
        tonight = self.shop.now.astimezone(ZONE).date()
        for number, name, state, reason, read_run in self.shop.sql(_STANDING):
            standing = Standing(tonight, run, state, reason, read_run == run)
            self.nights.setdefault((number, name), []).append(standing)
        for name in NAMES:
            self._compare(name, said.at(name))

    def _compare(self, name: str, side: Json) -> None:
        """What the run reported is what the diary has of the orders that it read."""
        read = [n[-1] for (_, at), n in self.nights.items() if at == name and n[-1].is_read]
        for state in AGAINST:
            of_state = Counter(each.reason for each in read if each.state == state)
            reported: Any = side[state]
            assert (dict(of_state) if state in {"withheld", "quarantined"} else of_state.total()) == reported, name

    def stretches(self) -> dict[Key, Stretch]:
        """The last stretch of each order that ever stood against sending."""
        found = ((key, _last_stretch(nights)) for key, nights in self.nights.items())
        return {key: stretch for key, stretch in found if stretch}


def _last_stretch(nights: list[Standing]) -> Stretch | None:
    runs = [[*group] for _, group in groupby(nights, key=lambda each: each.state in AGAINST)]
    against = [nth for nth, group in enumerate(runs) if group[0].state in AGAINST]
    if not against:
        return None
    stretch = runs[against[-1]]
    first, last = stretch[0], [stretch[0], *(each for each in stretch if each.is_read)][-1]
    later = [each for group in runs[against[-1] + 1 :] for each in group if each.state in SENT]
    now, sent = nights[-1], later[0].run if later and nights[-1].state in SENT else None
    judged = stretch[-1]
    return Stretch(first.night, last.night, first.run, last.run, judged.state, judged.reason, now.state, sent)
