"""Recomputes values that follow from others: counts of what retention removed, keys within keys, late results."""

import sqlite3
from collections.abc import Iterator
from hashlib import sha256

from conversions.audit.verify import places, readings
from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.log_history import LogHistory
from conversions.catalogue.former_texts import STATUSES
from conversions.ledger.schema.tables import DESTINATION_BITS, POSITION_BITS, REVISION_BITS, SALE_OF_EVENT

_KEYS = {
    "event": f"place >> {POSITION_BITS} NOT IN (SELECT batch FROM blob)",  # noqa: S608
    "revision": f"delivery IS NOT id >> {REVISION_BITS} OR id NOT IN (SELECT id FROM event)",  # noqa: S608
    "task": "(erasure IS NULL) IS (rectification IS NULL)",
}
"""For each table the condition that a row contradicts itself, or its key."""
_NEWEST_SALE = f"""
    SELECT max(coalesce((SELECT max(id) FROM sale), 0),
        coalesce((SELECT max(id) FROM delivery_place) >> {DESTINATION_BITS}, 0),
        coalesce((SELECT max(id) FROM event) >> {SALE_OF_EVENT}, 0))
"""  # noqa: S608
_SUMS = "SELECT name, rows, sum FROM bound"
_DOCUMENTS = {
    "settings": "SELECT settings FROM run",
    "policy": "SELECT policy FROM run UNION SELECT policy FROM request",
    "rules": "SELECT value FROM pin WHERE name = 'rules'",
}
"""For each kind of document the digests that are used as such."""


def compare(history: LogHistory, store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Yield the rows and counts that differ from what they follow from."""
    yield from _keys(store)
    yield from places.compare(store)
    yield from readings.compare(store, _newest_sale(store))
    yield from _counts(history, store)
    yield from _late_results(history, store)
    yield from _sums(history, store)
    for kind, used in _DOCUMENTS.items():
        query = f"SELECT sha256 FROM document WHERE kind <> ? AND sha256 IN ({used})"  # noqa: S608
        for (digest,) in store.execute(query, (kind,)):
            yield VerificationFinding(f"the document {digest[:12]}…", f"is used as {kind} and named otherwise")


def _keys(store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    for table, contradiction in _KEYS.items():
        for (row,) in store.execute(f"SELECT id FROM {table} WHERE {contradiction}"):  # noqa: S608
            yield VerificationFinding(f"{table} {row}", "contradicts its own key, or itself")


def _counts(history: LogHistory, store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    ((orders,),) = store.execute("SELECT total(orders) FROM history").fetchall()
    if orders != history.shrunk["orders"]:
        yield VerificationFinding("the history", f"has {orders:.0f} orders, the log {history.shrunk['orders']}")
    ((sales,),) = store.execute("SELECT count(*) FROM sale").fetchall()
    newest = _newest_sale(store)
    if newest - sales != history.shrunk["sales"]:
        gone = f"{newest - sales} of {newest} are gone, the log has {history.shrunk['sales']}"
        yield VerificationFinding("the sales", f"are not complete: {gone}")


def _newest_sale(store: sqlite3.Connection) -> int:
    """The newest sale that there ever was: nothing deletes the newest."""
    ((newest,),) = store.execute(_NEWEST_SALE).fetchall()
    return int(newest)


def _sums(history: LogHistory, store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """The sums that the next run continues; a set that never had a row has none."""
    kept = {name: (rows, sha256(total).hexdigest()) for name, rows, total in store.execute(_SUMS)}
    for name, stated in history.bound.items():
        never_filled = None if name in history.filled else (0, stated["sum"])
        if kept.pop(name, never_filled) != (stated["rows"], stated["sum"]):
            yield VerificationFinding(f"the sum of the set {name!r}", "is not what the log states")
    for name in kept:
        yield VerificationFinding(f"the sum of the set {name!r}", "is in no entry")


def _late_results(history: LogHistory, store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    for request, asked, verdict in store.execute("SELECT id, asked, verdict FROM request ORDER BY id"):
        stated = history.verdicts.get(request)
        if asked != history.queries[request]:
            yield VerificationFinding(
                f"request {request}", f"counts {asked} answers, the log {history.queries[request]}"
            )
        if verdict != STATUSES.get(stated or "", stated):
            yield VerificationFinding(f"request {request}", "has another late result than the log")
