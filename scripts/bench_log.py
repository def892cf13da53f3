"""Benchmark of a large log: `audit verify` and proofs, each in its own process. Argument: number of events.

The store is made up: requests of 1,000 events, as a run writes them, but without orders.
"""

import os
import random
import resource
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import count, repeat
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from sqlalchemy import Connection

BATCH = 1000
DAY = "2026-11-21"
ZONE = ZoneInfo("Europe/Copenhagen")
EVENT = (
    b'{"event_name":"Purchase","event_time":%d,"event_id":"c-%032x","action_source":"physical_store","user_data":'
    b'{"em":["%064x"]},"custom_data":{"value":%d.50,"currency":"DKK","content_ids":["TEA-250"],"content_type":'
    b'"product","order_id":"c-%032x"}}'
)
SALES = """
    INSERT INTO sale(shop, order_no, subject, id, minor, currency, exponent) VALUES (?, ?, ?, ?, 50, 'DKK', 2)
"""
SENT = """
    UPDATE batch SET state = 'received', attempted = 1, settled_run = ?, first_attempt_us = ? WHERE request = ?
"""


def fill(home: Path, events: int) -> None:
    """Make a store of one run."""
    from conversions.ledger import runs, staging, store
    from conversions.ledger.batches.seal import NewEvent, Terms, seal
    from conversions.ledger.outbox import (
        ClaimedBatch,
        EventPlace,
        Intent,
        Purpose,
        RequestTemplate,
        WorkItem,
        contents_of,
        validate,
    )
    from conversions.ledger.outbox.outcome import record_answer
    from conversions.ledger.outbox.write_ahead import commit
    from conversions.ledger.standing import readings
    from conversions.model.conversion import Money, Window
    from conversions.model.receipt import Next, Outcome, Receipt

    path, tail = home / "var" / "conversions.db", home / "tail"
    window = Window(date(2026, 11, 15), date(2026, 11, 21))
    store.create(path, tail, rehearsal=False, at=_clock())
    with store.connect(path, tail, _clock, rehearsal=False) as ledger:
        run = runs.begin(ledger, runs.RunMetadata("run", window, "{}", "version = 1", "1", "consent", ZONE))
        outbox = RequestTemplate(
            destination_id=staging.destination_id(ledger, "meta"), name="meta", recipient="Meta", url="https://meta.example",
            headers="{}", prefix=b'{"data":[', suffix=b"]}", rules="meta/2026-01", max_events=BATCH,
            max_bytes=1 << 30, resend_us=0, check=lambda *_: ("data[].user_data.em",),
        )  # fmt: skip
        received = Receipt(Outcome.RECEIVED, Next.DONE, "200", 200, "reference")
        for batch in batches(events):
            new = [
                NewEvent(
                    sale << 14 | outbox.destination_id << 8,
                    DAY,
                    Money(50, "DKK", 2),
                    body,
                    Terms(0, 1 << 31, b"sameness"),
                )
                for sale, body in batch
            ]
            with ledger.transaction() as connection:
                sales = [("main", f"A-{sale}", secrets.token_bytes(16), sale) for sale, _ in batch]
                connection.exec_driver_sql(SALES, sales)
                readings.remember(connection, run.id, batch[0][0], [outbox.destination_id], [sale for sale, _ in batch])
                seal(connection, run.id, new, {})
                places = [EventPlace(event.id, sealed(connection, event.id)) for event in new]
                claimed = ClaimedBatch(WorkItem(Purpose.FIRST), tuple(contents_of(connection, places)))
                intent = Intent(claimed, validate(outbox, claimed), ledger.now_us)
                attempt = commit(connection, run, outbox, intent)
                connection.exec_driver_sql(SENT, (run.id, intent.at_us, attempt.request))
            with ledger.transaction() as connection:
                record_answer(connection, ledger.now_us, attempt.request, received, epoch=run.epoch)
        runs.finish(ledger, run, {"exit_code": 0})


def _clock() -> datetime:
    return datetime(2026, 11, 22, 5, 15, tzinfo=UTC)


def sealed(connection: "Connection", event: int) -> int:
    """The place of *event*."""
    return int(connection.exec_driver_sql("SELECT place FROM event WHERE id = ?", (event,)).scalar_one())


def batches(events: int) -> Iterator[list[tuple[int, bytes]]]:
    """Sale and bytes of the events of each request."""
    for begin in range(0, events, BATCH):
        yield [
            (i, EVENT % (1_795_000_000, i, i * 7, i % 900, i)) for i in range(begin + 1, min(begin + BATCH, events) + 1)
        ]


def check(home: Path) -> None:
    """Measure ``audit verify``."""
    from conversions.audit.verify.verify import LogLocation, verify

    began = time.perf_counter()
    result = verify(LogLocation(home / "var" / "conversions.db", home / "tail", home / "checkpoints"))
    took = time.perf_counter() - began
    used = [resource.getrusage(scope).ru_maxrss >> 10 for scope in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"verify: {took:.1f} s, {used[0]} MB and {used[1]} MB in each helper. {result.sentence}")


def prove(home: Path) -> None:
    """Measure proofs in a log with as many entries as events."""
    from conversions.ledger import log, store
    from conversions.ledger.log.merkle import included, leaf_hash
    from conversions.ledger.schema import tables

    path, tail = home / "var" / "conversions.db", home / "tail"
    with (
        store.connect(path, tail, lambda: datetime.now(UTC), rehearsal=False) as ledger,
        ledger.transaction() as connection,
    ):
        size, root = connection.execute(
            tables.head.select().with_only_columns(tables.head.c.tree_size, tables.head.c.root)
        ).one()
        inclusion, consistency = [], []
        for _ in range(1000):
            position = random.randrange(size)
            began = time.perf_counter()
            proof = log.inclusion(connection, position, size)
            inclusion.append(time.perf_counter() - began)
            body = connection.exec_driver_sql("SELECT body FROM leaf WHERE seq = ?", (position,)).scalar_one()
            assert included(leaf_hash(body.encode()), position, size, proof, root)
            began = time.perf_counter()
            log.consistency(connection, position + 1, size)
            consistency.append(time.perf_counter() - began)
    for name, took in (("inclusion", inclusion), ("consistency", consistency)):
        print(f"{name} proof of {size} entries: median {median(took) * 1e3:.2f} ms, slowest {max(took) * 1e3:.2f} ms")


def lengthen(home: Path, entries: int) -> None:
    """Add entries without meaning in one step; appending them one by one would take an hour."""
    from conversions.ledger.log.merkle import leaf_hash, node_hash, root_from

    with closing(sqlite3.connect(home / "var" / "conversions.db")) as store, store:
        (size,) = store.execute("SELECT tree_size FROM head").fetchone()
        bodies = [(n, f'{{"kind":"measured","seq":{n},"t":0}}') for n in range(size, size + entries)]
        store.executemany("INSERT INTO leaf VALUES (?, ?)", bodies)
        known = [h for (h,) in store.execute("SELECT hash FROM node WHERE level = 0 ORDER BY position")]
        levels = [known + [leaf_hash(body.encode()) for _, body in bodies]]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
        store.execute("DELETE FROM node")
        for level, hashes in enumerate(levels):
            store.executemany("INSERT INTO node VALUES (?, ?, ?)", zip(repeat(level), count(), hashes, strict=False))
        root = root_from(size + entries, lambda level, position: levels[level][position])
        store.execute("UPDATE head SET tree_size = ?, root = ?", (size + entries, root))


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as directory:
        for step in ("fill", "check", "lengthen", "prove", "check"):
            subprocess.run([sys.executable, __file__, step, directory, str(events)], check=True)


if __name__ == "__main__":
    steps = {"check": check, "prove": prove}
    if len(sys.argv) < 4:
        print(f"{os.cpu_count()} cores")
        main()
    elif sys.argv[1] in steps:
        steps[sys.argv[1]](Path(sys.argv[2]))
    else:
        {"fill": fill, "lengthen": lengthen}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
