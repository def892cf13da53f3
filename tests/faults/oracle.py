"""The oracle: what must hold between what the platforms received and what the store says, whatever happened.

It counts, since an identical resend hides a missing record from anybody who asks only whether a body is known. It
reads the store with SQL of its own and shares no code with ``conversions``.
"""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.faults.shop import KEY, Fate, Sale, Shop

PLATFORMS = ("google", "meta")
EVENTS = {"google": "events", "meta": "data"}
LISTED = {
    "google": {
        "destinations[].operatingAccount.accountType",
        "destinations[].operatingAccount.accountId",
        "destinations[].productDestinationId",
        "encoding",
        "events[].transactionId",
        "events[].eventTimestamp",
        "events[].eventSource",
        "events[].conversionValue",
        "events[].currency",
        "events[].userData.userIdentifiers[].emailAddress",
        "events[].cartData.items[].merchantProductId",
        "events[].cartData.items[].itemId",
    },
    "meta": {
        "data[].event_name",
        "data[].event_time",
        "data[].event_id",
        "data[].action_source",
        "data[].user_data.em[]",
        "data[].custom_data.currency",
        "data[].custom_data.value",
        "data[].custom_data.order_id",
        "data[].custom_data.content_ids[]",
        "data[].custom_data.content_type",
        "upload_tag",
    },
}
"""Written down anew from the shop's promise, not read from the policy."""


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


@dataclass
class Store:
    """What is in the store after the last night."""

    intents: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Bodies, by platform."""
    open_requests: int = 0
    orders: dict[tuple[str, str], tuple[str, str | None]] = field(default_factory=dict)
    """State and reason, by platform and order number."""
    late: list[tuple[str, int]] = field(default_factory=list)
    """Orders inside a request whose intent was committed after their buyer had objected."""
    whole: bool = True


def judge(shop: Shop, report: dict[str, Any]) -> list[str]:
    """Every violation, in words; *report* is what the platforms received, with bodies."""
    bodies = [Body(b["destination"], b["status"], b["complete"], b["body"]) for b in report["bodies"]]
    store = _read(shop)
    sales = {sale.product: sale for sale in shop.sales}
    return [
        *_nothing_unlogged(bodies, store),
        *_everything_ends(shop, bodies, store, sales),
        *_counted_once(shop, bodies, store, sales, report),
        *_objections_hold(shop, store),
        *_only_what_was_promised(bodies, shop),
    ]


def _nothing_unlogged(bodies: list[Body], store: Store) -> Iterator[str]:
    """P1: the bodies received are among the intents, each as often; what arrived in part is the beginning of one."""
    received = Counter((body.platform, body.text) for body in bodies if body.complete)
    for (platform, text), count in (received - store.intents).items():
        yield f"P1 {platform} received a request {count} times more often than it was intended: {text[:80]}…"
    for body in bodies:
        if not body.complete and not any(text.startswith(body.text) for p, text in store.intents if p == body.platform):
            yield f"P1 {body.platform} received a part of a request that was never intended"
    if not store.whole:
        yield "P1 the log's tree is not the one over its leaves"


def _everything_ends(shop: Shop, bodies: list[Body], store: Store, sales: dict[str, Sale]) -> Iterator[str]:
    """P2: no order vanishes, none is left hanging, and what is called received was."""
    if store.open_requests:
        yield f"P2 {store.open_requests} requests have no outcome"
    held = {(b.platform, sales[_product(b.platform, e)].number) for b in bodies if b.status == 200 for e in b.events()}
    ends = {
        Fate.SENT: {"received"},
        Fate.REFUSED: {"quarantined"},
        Fate.WITHHELD: {"withheld"},
        Fate.EITHER: {"received", "withheld"},
    }
    for platform in PLATFORMS:
        for sale in shop.sales:
            state, _ = store.orders.get((platform, sale.number), ("not in the store", None))
            if state not in ends[sale.fate]:
                yield f"P2 {sale.number}, to be {sale.fate}, is {state} at {platform}"
            if state == "received" and (platform, sale.number) not in held:
                yield f"P2 {sale.number} is called received, and {platform} never answered so"


def _counted_once(
    shop: Shop, bodies: list[Body], store: Store, sales: dict[str, Sale], report: dict[str, Any]
) -> Iterator[str]:
    """P3: one order is one id and one value on the wire, and as the platform de-duplicates it counts once."""
    ids, orders, values = defaultdict(set), defaultdict(set), defaultdict(set)
    for body in bodies:
        for event in body.events() if body.complete else []:
            order, (wire_id, value) = sales[_product(body.platform, event)].number, _told(body.platform, event)
            ids[body.platform, order].add(wire_id)
            orders[body.platform, wire_id].add(order)
            if body.maybe_taken:
                values[body.platform, order].add(value)
    for what, found in (("ids", ids), ("orders under one id", orders), ("values", values)):
        for (platform, name), several in found.items():
            if len(several) > 1:
                yield f"P3 {name} has {len(several)} {what} at {platform}"
    for platform in PLATFORMS:
        counted = report[platform]["distinct"]
        sure = sum(store.orders.get((platform, s.number), ("",))[0] == "received" for s in shop.sales)
        perhaps = sum("maybe" in (store.orders.get((platform, s.number), ("", ""))[1] or "") for s in shop.objectors)
        if not sure <= counted <= sure + perhaps:
            yield f"P3 {platform} counts {counted} sales, the store {sure} and perhaps {perhaps} more"
        if report[platform]["double_counted"]:
            yield f"P3 {platform} counted {report[platform]['double_counted']} sales twice"
    for (platform, number), several in values.items():
        if not several <= set(next(s for s in shop.sales if s.number == number).amounts):
            yield f"P3 {number} went to {platform} with a value that the shop never stated"


def _objections_hold(shop: Shop, store: Store) -> Iterator[str]:
    """P4: no intent after an objection holds the objector's order."""
    for number, request in store.late:
        yield f"P4 {number} is in request {request}, intended after its buyer had objected"


def _only_what_was_promised(bodies: list[Body], shop: Shop) -> Iterator[str]:
    """P5: listed paths alone; no address, key or order number on the wire; no address or key in the store or said."""
    for body in bodies:
        if body.complete and (more := set(_paths(json.loads(body.text))) - LISTED[body.platform]):
            yield f"P5 {body.platform} was sent {sorted(more)}"
    wire = "\n".join(body.text for body in bodies)
    ours = b"".join(file.read_bytes() for file in [*shop.store.parent.iterdir(), shop.said])
    for secret in ("canary", "@", KEY, KEY[:16]):
        if secret in wire:
            yield f"P5 {secret} is on the wire"
    for secret in ("canary", KEY):
        if secret.encode() in ours:
            yield f"P5 {secret} is in the store, or was printed"


def _product(platform: str, event: dict[str, Any]) -> str:
    if platform == "google":
        return str(event["cartData"]["items"][0]["itemId"])
    return str(event["custom_data"]["content_ids"][0])


def _told(platform: str, event: dict[str, Any]) -> tuple[Any, Decimal]:
    """What the platform counts an order once by, and its value."""
    if platform == "google":
        return event["transactionId"], Decimal(event["conversionValue"])
    data = event["custom_data"]
    return (event["event_id"], data["order_id"], event["event_time"]), Decimal(data["value"])


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


def _read(shop: Shop) -> Store:
    found = Store()
    with closing(sqlite3.connect(f"file:{shop.store}?mode=ro", uri=True)) as db:
        names = dict(db.execute("SELECT id, name FROM destination"))
        inside: dict[int, list[tuple[bytes, str]]] = defaultdict(list)
        for request, event, order in db.execute(_INSIDE):
            inside[request].append((event, order))
        objected = _objections(db, shop)
        for request, destination, prefix, suffix, leaf, outcome in db.execute(_REQUESTS):
            body = prefix + b",".join(event for event, _ in inside[request]) + suffix
            found.intents[names[destination], body.decode()] += 1
            found.open_requests += outcome is None
            found.late += [(order, request) for _, order in inside[request] if objected.get(order, leaf) < leaf]
        for destination, order, state, reason in db.execute(_ORDERS):
            found.orders[names[destination], order] = state, reason
        found.whole = _root([body.encode() for (body,) in db.execute(_LEAVES)]) == db.execute(_ROOT).fetchone()[0]
    return found


_INSIDE = """
    SELECT r.request, e.bytes, s.order_no FROM request_event r JOIN event e ON e.id = r.event
    JOIN delivery d ON d.id = e.delivery JOIN sale s ON s.id = d.sale ORDER BY r.request, r.position
"""
_REQUESTS = "SELECT id, destination, prefix, suffix, leaf, outcome FROM request"
_ORDERS = "SELECT d.destination, s.order_no, d.state, d.reason FROM delivery d JOIN sale s ON s.id = d.sale"
_LEAVES = "SELECT body FROM leaf ORDER BY seq"
_ROOT = "SELECT root FROM head"


def _objections(db: sqlite3.Connection, shop: Shop) -> dict[str, int]:
    """The leaf of each objection, by the objector's order."""
    leaves = [json.loads(body) for (body,) in db.execute(_LEAVES)]
    entered = {leaf["entry"]: leaf["seq"] for leaf in leaves if leaf["kind"] == "objection"}
    return {sale.number: entered[entry] for entry, sale in enumerate(shop.objectors, start=1)}


def _root(leaves: list[bytes]) -> bytes:
    """RFC 6962, by its recursive definition."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\x00" + leaves[0]).digest() if leaves else hashlib.sha256().digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _root(leaves[:half]) + _root(leaves[half:])).digest()
