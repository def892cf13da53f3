"""A store with a run under way, and orders as a reading leaves them: the material of every test of the ledger."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from conversions.conversion import Money, Reason, Window
from conversions.ledger import judging, runs, staging, store, tables
from conversions.ledger.matrix import Draft
from conversions.ledger.requests import Outbox, Purpose, Work
from conversions.ledger.runs import Occasion, Run
from conversions.ledger.sightings import Sighting, open_sightings
from conversions.ledger.store import Ledger
from conversions.receipt import Next, Outcome, Receipt
from conversions.settings import Settings, load

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
DAY = "2026-11-21"
SHOP = "main"
SCHEME = "wire-id/1"
DESTINATIONS = ("google", "meta")
PRICE = Money(4990, "DKK", 2)
FREE = Money(0, "DKK", 2)
WINDOW = Window(date(2026, 11, 15), date(2026, 11, 21))
OCCASION = Occasion("run", WINDOW, '{"shop":"main"}', "version = 1", "2026-01", "legitimate_interest")

DELIVERIES = tables.delivery.join(tables.sale, tables.sale.c.id == tables.delivery.c.sale).join(
    tables.destination, tables.destination.c.id == tables.delivery.c.destination
)

FIRST = Work(Purpose.FIRST)
RESEND = Work(Purpose.RESEND)
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


def draft(number: str, **changed: Any) -> Draft:
    """An order that is ready to be sent."""
    due = changed.get("due", PRICE)
    ready: dict[str, Any] = {
        "reason": None,
        "quarantined": False,
        "due": due,
        "fingerprint": b"\x00\x00same\x00\x00",
        "event": event(number, due),
        "wire_id": f"c-{number}",
        "ready_at": int(NOW.timestamp()) - 86_400,
        "expires_at": int(NOW.timestamp()) + 5 * 86_400,
    }
    return Draft(**ready | changed)


def against(reason: Reason, *, quarantined: bool = False, due: Money = PRICE) -> Draft:
    """An order that may not be sent."""
    return Draft(reason, quarantined=quarantined, due=due, fingerprint=None)


def subject(person: str) -> bytes:
    return person.encode().ljust(16, b".")


def sighting(number: str, *drafts: Draft, **changed: Any) -> Sighting:
    """An order as read; the same draft for both destinations, unless two are given."""
    drafts = drafts or (draft(number),)
    seen: dict[str, Any] = {
        "order_no": number,
        "subject": subject(f"buyer {number}"),
        "purchased_us": 1_795_270_000_000_000,
        "day": DAY,
        "rank": (0, 1),
        "stated": PRICE,
        "drafts": drafts * (len(DESTINATIONS) // len(drafts)),
    }
    return Sighting(**seen | changed)


def orders(count: int) -> list[Sighting]:
    return [sighting(f"A-{i}") for i in range(count)]


@dataclass
class Night:
    """One run on an open store."""

    ledger: Ledger
    clock: Clock
    path: Path
    run: Run = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> Run:
        """The next run; whoever began earlier has lost the store."""
        self.run = runs.begin(self.ledger, OCCASION)
        return self.run

    @property
    def numbers(self) -> list[int]:
        return [staging.number_of(self.ledger, name) for name in DESTINATIONS]

    def stage(self, *seen: Sighting) -> None:
        """What the barrier does with a reading."""
        with open_sightings() as sightings:
            sightings.add(seen)
            for page in judging.judged(self.ledger, sightings, SHOP, self.numbers):
                staging.stage(self.ledger, self.run.id, SHOP, self.numbers, SCHEME, page)

    def outbox(self, name: str = "meta", **changed: Any) -> Outbox:
        shared: dict[str, Any] = {
            "destination": staging.number_of(self.ledger, name),
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
        return Outbox(**shared | changed)

    def held(self, number: str, destination: str = "meta") -> Row[Any]:
        """The delivery of an order."""
        asked = (tables.sale.c.order_no == number, tables.destination.c.name == destination)
        return self.one(select(tables.delivery).select_from(DELIVERIES).where(*asked))

    def states(self, destination: str = "meta") -> dict[str, str]:
        """Where every order stands, by number."""
        query = select(tables.sale.c.order_no, tables.delivery.c.state).select_from(DELIVERIES)
        return dict(tuple(row) for row in self.all(query.where(tables.destination.c.name == destination)))

    def one(self, query: Any) -> Row[Any]:
        with self.ledger.transaction() as connection:
            return connection.execute(query).one()

    def all(self, query: Any) -> Sequence[Row[Any]]:
        with self.ledger.transaction() as connection:
            return connection.execute(query).all()

    def leaves(self) -> list[dict[str, Any]]:
        """The log, parsed."""
        return [orjson.loads(body) for (body,) in self.all(select(tables.leaf.c.body).order_by(tables.leaf.c.seq))]


@contextmanager
def night_in(directory: Path, clock: Clock) -> Iterator[Night]:
    """A run under way on a fresh store, with nothing staged."""
    path = directory / "var" / "conversions.db"
    if not path.exists():
        store.create(path, directory / "tail", rehearsal=False, at=clock())
    with store.connect(path, directory / "tail", clock, rehearsal=False) as ledger:
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
