"""Both sides of the story: what the platforms received, and what the store says. Shares no code with ``conversions``."""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.faults import batches
from tests.faults.shop import Shop

EVENTS = {"google": "events", "meta": "data"}
HELD = frozenset({"received", "recorded", "unmatched", "duplicate"})
"""States in which the platform took an order."""


@dataclass(frozen=True, slots=True)
class Body:
    """One body as it arrived."""

    platform: str
    status: int | None
    complete: bool
    text: str

    @property
    def maybe_taken(self) -> bool:
        """Whether the platform may hold its events: anything but a conclusive refusal."""
        return self.status is None or self.status == 200 or self.status >= 500

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.text, parse_float=Decimal)[EVENTS[self.platform]]
        return found

    def paths(self) -> set[str]:
        """Every path in it."""
        return set(_paths(json.loads(self.text)))


@dataclass(frozen=True, slots=True)
class Order:
    """What the store says of one order at one platform."""

    state: str
    reason: str
    values: tuple[Decimal, ...]
    """The one that it has there, and those that it may have instead: restatements that nobody ever answered."""

    @property
    def perhaps(self) -> bool:
        """Whether nobody knows if the platform holds it."""
        return self.state in {"unknown", "erased"} or "maybe" in self.reason


ABSENT = Order("not in the store", "", (Decimal(0),))


@dataclass
class Store:
    """What is in the store."""

    intents: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Bodies, by platform."""
    erased: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Requests of which bytes are erased, by platform and number of events."""
    restated: set[tuple[str, str]] = field(default_factory=set)
    """The same, of requests that change a value on purpose."""
    open_requests: int = 0
    orders: dict[tuple[str, str], Order] = field(default_factory=dict)
    """By platform and order number."""
    late: list[tuple[str, int]] = field(default_factory=list)
    """Orders inside a request whose intent was committed after their buyer had said no."""
    readable: set[str] = field(default_factory=set)
    """Orders of which the store has the bytes of an event that a request has."""
    whole: bool = True


def product(platform: str, event: dict[str, Any]) -> str:
    """Which of the shop's orders it is."""
    if platform == "google":
        return str(event["cartData"]["items"][0]["itemId"])
    return str(event["custom_data"]["content_ids"][0])


def told(platform: str, event: dict[str, Any]) -> tuple[Any, Decimal]:
    """What the platform counts an order once by, and its value."""
    if platform == "google":
        return event["transactionId"], Decimal(event["conversionValue"])
    data = event["custom_data"]
    return (event["event_id"], data["order_id"], event["event_time"]), Decimal(data["value"])


def read(shop: Shop) -> Store:
    """The store as it is. Raises ``sqlite3.Error`` where it cannot be read."""
    found = Store()
    with closing(sqlite3.connect(f"file:{shop.store}?mode=ro", uri=True)) as db:
        names = dict(db.execute("SELECT id, name FROM destination"))
        leaves = [body for (body,) in db.execute("SELECT body FROM leaf ORDER BY seq")]
        forbidden = _forbidden(leaves, shop)
        numbers, inside = dict(db.execute("SELECT id, order_no FROM sale")), batches.inside(db)
        for request, destination, prefix, suffix, leaf, outcome, purpose in db.execute(_REQUESTS):
            events = inside.get(request, [])
            found.open_requests += outcome is None
            orders = [numbers[event.sale] for event in events]
            found.late += [(order, request) for order in orders if forbidden.get(order, leaf) < leaf]
            found.readable.update(order for order, event in zip(orders, events, strict=True) if event.bytes)
            if all(event.bytes for event in events):
                body = prefix + b",".join(event.bytes or b"" for event in events) + suffix
                found.intents[names[destination], body.decode()] += 1
                found.restated |= {(names[destination], body.decode())} if purpose == "restate" else set()
            else:
                found.erased[names[destination], len(events)] += 1
        maybe: dict[int, list[Decimal]] = defaultdict(list)
        for delivery, minor, exponent in db.execute(_UNANSWERED_RESTATEMENTS):
            maybe[delivery].append(Decimal(minor).scaleb(-exponent))
        for delivery, order, state, reason, minor, exponent in _standing(db):
            value = Decimal(minor or 0).scaleb(-(exponent or 0))
            found.orders[names[delivery & 63], order] = Order(state, reason or "", (value, *maybe[delivery]))
        found.whole = _root([body.encode() for body in leaves]) == db.execute("SELECT root FROM head").fetchone()[0]
    return found


_REQUESTS = "SELECT id, destination, prefix, suffix, leaf, outcome, purpose FROM request"
_PLACES = """
    SELECT k.id, k.place, s.order_no, s.minor, s.exponent FROM delivery_place k JOIN sale s ON s.id = k.id >> 6
"""
_LATE = {"c": "recorded", "u": "unmatched", "d": "duplicate"}


def _standing(db: sqlite3.Connection) -> Iterator[tuple[int, str, str, str | None, int | None, int | None]]:
    """Every order at every platform, as the description of the tables says that it stands."""
    exceptions = {
        row[0]: row[1:] for row in db.execute("SELECT id, state, reason, value_minor, value_exponent FROM exception")
    }
    batches = {row[0]: row[1:] for row in db.execute("SELECT id, state, verdicts FROM batch")}
    for delivery, place, order, minor, exponent in db.execute(_PLACES):
        if place is None:
            yield delivery, order, *exceptions.pop(delivery, ("lost", None, None, None))
        else:
            state, verdicts = batches[place >> 12]
            yield (
                delivery,
                order,
                _LATE.get((verdicts or "")[place & 4095 : (place & 4095) + 1], state),
                None,
                minor,
                exponent,
            )
    assert not exceptions, "an order stands in two ways"


_UNANSWERED_RESTATEMENTS = """
    SELECT delivery, new_minor, new_exponent FROM revision
    WHERE state IN ('in_flight', 'unknown') OR unconfirmed
"""
"""Whoever objected while a new value had no answer: nobody may ask again which one the platform holds."""


def _forbidden(bodies: list[str], shop: Shop) -> dict[str, int]:
    """By order, the leaf from which on nothing of it may leave: the objection's or the erasure's, or the first reading
    of the denial."""
    leaves = [json.loads(body) for body in bodies]
    entered = {leaf["entry"]: leaf["seq"] for leaf in leaves if leaf.get("kind") in {"objection", "suppression"}}
    since = {sale.number: entered[entry] for entry, sale in enumerate(shop.objectors, start=1) if entry in entered}
    for sale, size in shop.denials:
        read = (leaf["seq"] for leaf in leaves[size:] if leaf.get("kind") == "window staged")
        since[sale.number] = min(since.get(sale.number, len(leaves)), next(read, len(leaves)))
    return since


def _paths(value: Any, path: str = "") -> Iterator[str]:
    match value:
        case dict():
            for key, below in value.items():
                yield from _paths(below, f"{path}.{key}".lstrip("."))
        case list():
            for below in value:
                yield from _paths(below, f"{path}[]")
        case _:
            yield path


def _root(leaves: list[bytes]) -> bytes:
    """RFC 6962, by its recursive definition."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\x00" + leaves[0]).digest() if leaves else hashlib.sha256().digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _root(leaves[:half]) + _root(leaves[half:])).digest()
