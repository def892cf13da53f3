"""The oracle: what must hold between what the platforms received and what the store says, whatever happened.

It counts, since an identical resend hides a missing record from anybody who asks only whether a body is known.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.faults.evidence import ABSENT, EVENTS, HELD, Body, Store, product, read, told
from tests.faults.shop import KEY, Fate, Sale, Shop
from tests.ledger.stored import legible

PLATFORMS = ("google", "meta")
ENDS = {
    Fate.SENT: HELD,
    Fate.REFUSED: {"quarantined"},
    Fate.WITHHELD: {"withheld"},
    Fate.EITHER: HELD | {"withheld"},
    Fate.ERASED: {"erased"},
}
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


def judge(shop: Shop, report: dict[str, Any], also: frozenset[str] = frozenset()) -> list[str]:
    """Every violation, in words; *report* is what the platforms received, with bodies.

    *also* are states in which an order that is to be sent may be, beside those of one that was.
    """
    bodies = [Body(b["destination"], b["status"], b["complete"], b["body"]) for b in report["bodies"]]
    try:
        store = read(shop)
    except sqlite3.Error as error:
        return [f"P2 the store cannot be read: {error}"]
    sales = {sale.product: sale for sale in shop.sales}
    return [
        *_nothing_unlogged(bodies, store),
        *_everything_ends(shop, bodies, store, sales, also),
        *_one_id_and_value(bodies, store, sales),
        *_counted_once(shop, store, report),
        *_no_means_no(store),
        *_gone_is_gone(shop, store),
        *_only_what_was_promised(bodies, shop),
    ]


def _nothing_unlogged(bodies: list[Body], store: Store) -> Iterator[str]:
    """P1: the bodies received are among the intents, each as often; what arrived in part is the beginning of one."""
    received = Counter((body.platform, body.text) for body in bodies if body.complete)
    erased = store.erased.copy()
    for (platform, text), count in (received - store.intents).items():
        size = platform, len(json.loads(text)[EVENTS[platform]])
        erased[size] -= count
        if erased[size] < 0:
            yield f"P1 {platform} received a request {count} times more often than it was intended: {text[:80]}…"
    for body in bodies:
        if not body.complete and not any(text.startswith(body.text) for p, text in store.intents if p == body.platform):
            yield f"P1 {body.platform} received a part of a request that was never intended"
    if not store.whole:
        yield "P1 the log's tree is not the one over its leaves"


def _everything_ends(
    shop: Shop, bodies: list[Body], store: Store, sales: dict[str, Sale], also: frozenset[str]
) -> Iterator[str]:
    """P2: no order vanishes, none is left hanging, and what is called received was."""
    if store.open_requests:
        yield f"P2 {store.open_requests} requests have no outcome"
    held = {(b.platform, sales[product(b.platform, e)].number) for b in bodies if b.status == 200 for e in b.events()}
    for platform in PLATFORMS:
        for sale in shop.sales:
            state = store.orders.get((platform, sale.number), ABSENT).state
            if state not in ENDS[sale.fate] | (also if sale.fate is not Fate.WITHHELD else set()):
                yield f"P2 {sale.number}, to be {sale.fate}, is {state} at {platform}"
            if state in HELD and (platform, sale.number) not in held:
                yield f"P2 {sale.number} is called {state}, and {platform} never answered so"


def _one_id_and_value(bodies: list[Body], store: Store, sales: dict[str, Sale]) -> Iterator[str]:
    """P3: one order is one id and one value on the wire, unless the value was changed on purpose."""
    ids, orders, values = (defaultdict[Any, set[Any]](set) for _ in range(3))
    for body in bodies:
        for event in body.events() if body.complete else []:
            sale, (wire_id, value) = sales[product(body.platform, event)], told(body.platform, event)
            ids[body.platform, sale.number].add(wire_id)
            orders[body.platform, wire_id].add(sale.number)
            if not value.is_finite() or value not in sale.amounts:
                yield f"P3 {sale.number} went to {body.platform} with a value that the shop never stated"
            if body.maybe_taken and (body.platform, body.text) not in store.restated:
                values[body.platform, sale.number].add(value)
        events = body.events() if body.complete else []
        for wire_id, times in Counter(told(body.platform, event)[0] for event in events).items():
            if times > 1:
                yield f"P3 one request to {body.platform} has {wire_id} {times} times"
    for what, found in (("ids", ids), ("orders under one id", orders), ("values", values)):
        for (platform, name), several in found.items():
            if len(several) > 1:
                yield f"P3 {name} has {len(several)} {what} at {platform}"


def _counted_once(shop: Shop, store: Store, report: dict[str, Any]) -> Iterator[str]:
    """P3: as the platform de-duplicates, each order counts once, for what the store says it is worth there."""
    for platform in PLATFORMS:
        here = [store.orders.get((platform, sale.number), ABSENT) for sale in shop.sales]
        sure, perhaps = [o for o in here if o.state in HELD], [o for o in here if o.perhaps]
        counted, worth = report[platform]["distinct"], Decimal(report[platform]["value"].get("DKK", 0))
        if not len(sure) <= counted <= len(sure) + len(perhaps):
            yield f"P3 {platform} counts {counted} sales, the store {len(sure)} and perhaps {len(perhaps)} more"
        gone = sum(max(sale.amounts) for sale in shop.sales if sale.fate is Fate.ERASED)
        least, most = sum(min(o.values) for o in sure), sum(max(o.values) for o in [*sure, *perhaps]) + gone
        if not least <= worth <= most:
            yield f"P3 {platform} counts {worth} kroner, the store {least} to {most}"
        if report[platform]["double_counted"]:
            yield f"P3 {platform} counted {report[platform]['double_counted']} sales twice"


def _no_means_no(store: Store) -> Iterator[str]:
    """P4: no intent after an objection, or after a denial was read, holds that buyer's order."""
    for number, request in store.late:
        yield f"P4 {number} is in request {request}, intended after its buyer had said no"


def _gone_is_gone(shop: Shop, store: Store) -> Iterator[str]:
    """P5: of an erased order the store keeps no bytes."""
    for sale in shop.sales:
        if sale.fate is Fate.ERASED and sale.number in store.readable:
            yield f"P5 {sale.number} is erased, and the store has its bytes"


def _only_what_was_promised(bodies: list[Body], shop: Shop) -> Iterator[str]:
    """P5: listed paths alone; no address, key or order number on the wire; no address or key in the store or said."""
    for body in bodies:
        if body.complete and (more := body.paths() - LISTED[body.platform]):
            yield f"P5 {body.platform} was sent {sorted(more)}"
    wire = "\n".join(body.text for body in bodies)
    ours = b"".join(legible(file.read_bytes()) for file in [*shop.kept(), shop.said])
    for secret in ("canary", "@", KEY, KEY[:16]):
        if secret in wire:
            yield f"P5 {secret} is on the wire"
    for secret in ("canary", KEY):
        if secret.encode() in ours:
            yield f"P5 {secret} is in the store, or was printed"
