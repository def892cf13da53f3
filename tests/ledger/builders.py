"""A store with a run under way, and orders as a reading leaves them: the material of every test of the ledger."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, Row, select

from conversions.ledger import runs, staging, store
from conversions.ledger.batches.seal import NewEvent, seal
from conversions.ledger.outbox import Attempt, Purpose, RequestTemplate, WorkItem, claim, intend, validate
from conversions.ledger.runs import Run, RunMetadata
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.tables import event_key
from conversions.ledger.staging.snapshot import (
    DraftRow,
    OrderRow,
    Resolution,
    SnapshotBatch,
    SourceSnapshot,
    open_snapshot,
)
from conversions.ledger.staging.transitions import Incoming
from conversions.ledger.store import Ledger
from conversions.model.conversion import Money, Reason, Window
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.settings import Settings, load
from tests.ledger import forced, stored

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
DAY = "2026-11-21"
SHOP = "main"
LIMITS: dict[int, int] = {}
"""Events of a request, by destination: as many as a batch can hold."""
DESTINATIONS = ("google", "meta")
PRICE = Money(4990, "DKK", 2)
FREE = Money(0, "DKK", 2)
WINDOW = Window(date(2026, 11, 15), date(2026, 11, 21))
POLICY = (Path(__file__).parents[2] / "config" / "privacy-policy.toml").read_text(encoding="utf-8")
ZONE = ZoneInfo("Europe/Copenhagen")
OCCASION = RunMetadata("run", WINDOW, '{"shop":"main"}', POLICY, "2026-01", "legitimate_interest", ZONE)

DELIVERIES = views.delivery.join(tables.sale, tables.sale.c.id == views.delivery.c.sale).join(
    tables.destination, tables.destination.c.id == views.delivery.c.destination
)

FIRST = WorkItem(Purpose.FIRST)
RESEND = WorkItem(Purpose.RESEND)
RECEIVED = Receipt(Outcome.RECEIVED, Next.DONE, "200", 200, "request-7")
THROTTLED = Receipt(Outcome.REFUSED, Next.RETRY, "429", 429, wait=30.0)
LOST = Receipt(Outcome.UNKNOWN, Next.RETRY, "ReadTimeout")
UNSENT = Receipt(Outcome.NOT_SENT, Next.RETRY, "ConnectionRefusedError")
REFUSED = Receipt(Outcome.REFUSED, Next.ISOLATE, "400/100", 400)


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **step: float) -> None:
        self.now += timedelta(**step)


def event(number: str, value: Money = PRICE) -> bytes:
    """What one destination would be sent of an order."""
    return orjson.dumps({"id": f"c-{number}", "value": float(value.amount)})


def draft(number: str, **changed: Any) -> Incoming:
    """An order that is ready to be sent."""
    due = changed.get("due", PRICE)
    ready: dict[str, Any] = {
        "reason": None,
        "quarantined": False,
        "due": due,
        "fingerprint": b"\x00\x00same\x00\x00",
        "event": event(number, due),
        "ready_at": int(NOW.timestamp()) - 86_400,
        "expires_at": int(NOW.timestamp()) + 5 * 86_400,
    }
    return Incoming(**ready | changed)


def against(reason: Reason, *, quarantined: bool = False, due: Money = PRICE) -> Incoming:
    """An order that may not be sent."""
    return Incoming(reason, quarantined=quarantined, due=due, fingerprint=None)


def subject(person: str) -> bytes:
    return person.encode().ljust(16, b".")


@dataclass(frozen=True, slots=True)
class Sighting:
    """An order as the source showed it once."""

    order_no: str
    drafts: tuple[Incoming, ...]
    """One for each of ``DESTINATIONS``."""
    subject: bytes | None
    purchased_us: int = 1_795_270_000_000_000
    day: str = DAY
    rank: tuple[int, int] = (0, 1)
    stated: Money = PRICE
    completed: bool = True
    refund: bool = False
    products: bytes = b""

    @property
    def row(self) -> OrderRow:
        stated = self.stated
        return OrderRow(
            self.order_no,
            self.subject,
            self.purchased_us,
            self.day,
            *self.rank,
            stated.minor,
            stated.currency,
            stated.exponent,
            completed=self.completed,
            refund=self.refund,
            products=self.products,
        )

    @property
    def draft_rows(self) -> list[DraftRow]:
        return [
            DraftRow(
                d.reason,
                int(d.quarantined),
                d.due.minor,
                d.fingerprint,
                d.ready_at,
                d.expires_at,
                d.event,
            )
            for d in self.drafts
        ]


def sighting(number: str, *drafts: Incoming, **changed: Any) -> Sighting:
    """An order as read; the same draft for both destinations, unless two are given."""
    drafts = drafts or (draft(number),)
    return Sighting(
        number, drafts * (len(DESTINATIONS) // len(drafts)), **{"subject": subject(f"buyer {number}")} | changed
    )


def orders(count: int) -> list[Sighting]:
    return [sighting(f"A-{i}") for i in range(count)]


def seen(*shown: Sighting) -> SnapshotBatch:
    """A chunk of a reading."""
    return SnapshotBatch([one.row for one in shown], [row for one in shown for row in one.draft_rows])


def resolved(
    sightings: SourceSnapshot, *, settled: Collection[str] = (), ranked: bool = False, shop: str = SHOP
) -> Resolution:
    """The window is read; what is set aside is digested without a key."""
    return sightings.resolve(settled, shop, lambda text: text.encode()[-16:], ranked=ranked)


def fresh_sightings(ledger: Ledger, numbers: Sequence[int]) -> SourceSnapshot:
    """A place for another reading on the same connection, which no run needs: it reads once."""
    for table in ("order_row", "draft", "place", "known_row", "repeated", "bad_row", "doubt"):
        ledger.connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{table}")
    ledger.connection.commit()
    return open_snapshot(ledger, numbers)


@dataclass
class Night:
    """One run on an open store."""

    ledger: Ledger
    clock: Clock
    path: Path
    run: Run = field(init=False)
    _has_read: bool = False

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> Run:
        """The next run; whoever began earlier has lost the store."""
        self.run = runs.begin(self.ledger, OCCASION)
        self._has_read = False
        return self.run

    @property
    def numbers(self) -> list[int]:
        return [staging.destination_id(self.ledger, name) for name in DESTINATIONS]

    def read(self, *shown: Sighting) -> SourceSnapshot:
        """What is left of a reading once it is complete."""
        sightings = fresh_sightings(self.ledger, self.numbers)
        sightings.add(seen(*shown))
        resolved(sightings)
        return sightings

    def stage(self, *shown: Sighting) -> None:
        """What the barrier does with a reading. A run reads once: the second reading is the next run's."""
        if self._has_read:
            self.begin()
        self._has_read = True
        self.read(*shown)
        for _ in staging.stage(self.ledger, self.run.id, SHOP, LIMITS):
            pass

    def outbox(self, name: str = "meta", **changed: Any) -> RequestTemplate:
        shared: dict[str, Any] = {
            "destination_id": staging.destination_id(self.ledger, name),
            "name": name,
            "recipient": f"{name} Ireland",
            "url": f"https://{name}.example/events",
            "headers": '{"Content-Type":"application/json"}',
            "prefix": b'{"data":[',
            "suffix": b"]}",
            "rules": f"{name}/2026",
            "max_events": 1000,
            "max_bytes": 500_000,
            "resend_us": 6 * 86_400 * 1_000_000,
            "check": lambda body, events: ("data[].id", "data[].value"),
        }
        return RequestTemplate(**shared | changed)

    def attempt(self, outbox: RequestTemplate, work: WorkItem = FIRST) -> Attempt | None:
        """The next request on disk, or None where nothing of *work* is left to send."""
        again = [work]
        while claimed := next(filter(None, (claim(self.ledger, self.run, outbox, one) for one in again)), None):
            outcome = intend(self.ledger, self.run, outbox, claimed, validate(outbox, claimed))
            if isinstance(outcome, Attempt):
                return outcome
            again = [*outcome, work] if work.events is None else outcome
        return None

    def intend(self, outbox: RequestTemplate, work: WorkItem = FIRST) -> Attempt:
        """The next request on disk."""
        attempt = self.attempt(outbox, work)
        assert attempt is not None
        return attempt

    def held(self, number: str, destination: str = "meta") -> Row[Any]:
        """The delivery of an order."""
        asked = (tables.sale.c.order_no == number, tables.destination.c.name == destination)
        return self.one(select(views.delivery).select_from(DELIVERIES).where(*asked))

    def buyer(self, number: str, destination: str = "meta") -> bytes | None:
        """Whose address the newest event of an order holds."""
        held = self.held(number, destination)
        key = event_key(held.id, held.revision)
        return next(event.subject for event in stored.events(self.path) if event.id == key)

    def seal(self, delivery: int, revision: int, body: bytes, buyer: bytes | None = None) -> int:
        """Another event of an order, which is of *buyer* where that is not the buyer of the sale; returns its key."""
        key = event_key(delivery, revision)
        with self.ledger.transaction() as connection:
            seal(connection, self.run.id, [NewEvent(key, DAY, PRICE, body)], LIMITS)
            if buyer is not None:
                connection.execute(tables.earlier_person.insert().values(event=key, subject=buyer))
        return key

    def states(self, destination: str = "meta") -> dict[str, str]:
        """Where every order stands, by number."""
        query = select(tables.sale.c.order_no, views.delivery.c.state).select_from(DELIVERIES)
        return dict(tuple(row) for row in self.all(query.where(tables.destination.c.name == destination)))

    def one(self, query: Any) -> Row[Any]:
        with self.ledger.transaction() as connection:
            return connection.execute(query).one()

    def all(self, query: Any) -> Sequence[Row[Any]]:
        with self.ledger.transaction() as connection:
            return connection.execute(query).all()

    def leaves(self) -> list[dict[str, Any]]:
        """The log, parsed, without the sums of bound sets."""
        bodies = self.all(select(tables.leaf.c.body).order_by(tables.leaf.c.seq))
        parsed = [orjson.loads(body) for (body,) in bodies]
        return [{name: fact for name, fact in leaf.items() if name != "bound"} for leaf in parsed]


@contextmanager
def night_in(directory: Path, clock: Clock) -> Iterator[Night]:
    """A run under way on a fresh store, with nothing staged."""
    path = directory / "var" / "conversions.db"
    if not path.exists():
        store.create(path, directory / "tail", rehearsal=False, at=clock())
    with store.connect(path, directory / "tail", clock, rehearsal=False) as ledger:
        with ledger.temporary() as connection:
            forced.allow(connection)
        yield Night(ledger, clock, path)


@contextmanager
def another_look(path: Path) -> Iterator[Connection]:
    """What a second process would see in the store: only what is committed."""
    with store.connect_read_only(path, path.parents[1] / "tail", Clock()) as ledger:
        yield ledger.connection


def shop_settings(directory: Path, **changed: str) -> Settings:
    """Settings of a shop whose store is ``directory/var/conversions.db``."""
    file = directory / "conversions.toml"
    file.write_text(SETTINGS.format(**{"endpoint": ""} | changed))
    return load(file)


SETTINGS = """
[source]
kind = "csv"
path = "orders.csv"
completed = ["completed"]
[source.columns]
order_id = "order_id"
email = "email"
amount = "amount"
currency = "currency"
product_ids = "product_ids"
purchased_at = "purchased_at"
status = "status"
[store]
url = "sqlite:///var/conversions.db"
tail = "tail"
[privacy]
legal_basis = "legitimate_interest"
[destinations.meta]
dataset_id = "555000111222"
action_source = "physical_store"
{endpoint}
"""
