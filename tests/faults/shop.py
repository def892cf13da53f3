"""A shop whose every order can be told on the wire by its product ID, and by nothing else that we know of."""

import csv
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from threading import Lock

from conversions import keys
from conversions.intake.identity import SUBJECT, subject
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.privacy import objections
from conversions.settings import Settings, load

KEY = "c0ffee" + "5" * 58
POISON = "POISON"
MIGRATING = Lock()
"""Making a store is a migration, and of those Alembic does one at a time in a process."""
BATCH = 15
"""Events in a request; what the shop sells in a day makes three."""
HEADER = ["number", "email", "amount", "currency", "products", "at", "done", "status", "refunded", "consent"]


class Fate(StrEnum):
    """What should become of an order in the end."""

    SENT = "sent"
    REFUSED = "refused by the platform, alone"
    WITHHELD = "withheld"
    EITHER = "sent before it was forbidden, or withheld"
    ERASED = "erased"


@dataclass(slots=True)
class Sale:
    """One order."""

    number: str
    fate: Fate
    amounts: list[Decimal]
    """What the shop said it was worth, less what was paid back, newest last."""
    bought: datetime
    done: datetime | None = None
    status: str = "completed"
    refunded: Decimal = Decimal(0)
    denied: bool = False
    """Whether the buyer says no to measurement."""

    @property
    def email(self) -> str:
        return f"canary.{self.number.lower()}@example.com"

    @property
    def product(self) -> str:
        return f"P-{self.number}" + (f"-{POISON}" if self.fate is Fate.REFUSED else "")

    def row(self) -> list[str]:
        paid, back = f"{self.amounts[-1] + self.refunded}", f"{self.refunded}" if self.refunded else ""
        moments = [moment.isoformat() if moment else "" for moment in (self.bought, self.done)]
        denied = "no" if self.denied else ""
        return [self.number, self.email, paid, "DKK", self.product, *moments, self.status, back, denied]


@dataclass
class Shop:
    """Orders in files, one a day of trading; settings and store beside them."""

    directory: Path
    endpoint: str
    sales: list[Sale] = field(default_factory=list)
    objectors: list[Sale] = field(default_factory=list)
    """Who objected or was erased, in the order of the ledger's entries."""
    denials: list[tuple[Sale, int]] = field(default_factory=list)
    """Whose orders came again with a no, and how long the log was then."""
    batch: int = BATCH
    room: int | None = None
    """Bytes of a body; None: as many as the platform takes."""
    senders: int | None = None
    """How many requests are under way at once; None: two at each platform."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _files: int = 0

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        policy = Path(__file__).parents[2] / "config" / "privacy-policy.toml"
        (self.directory / "privacy-policy.toml").write_bytes(policy.read_bytes())
        self.config.write_text(SETTINGS.format(endpoint=self.endpoint, in_flight=self.senders or 2))
        (self.directory / ".env").touch(mode=0o600)
        (self.directory / ".env").write_text(f"CONVERSIONS_KEY={KEY}\n")

    @property
    def config(self) -> Path:
        return self.directory / "conversions.toml"

    @property
    def store(self) -> Path:
        return self.directory / "var" / "conversions.db"

    @property
    def said(self) -> Path:
        """Where every night's stdout and stderr go."""
        return self.directory / "said.txt"

    @property
    def settings(self) -> Settings:
        return load(self.config)

    def trade(self, fates: dict[int, Fate] | None = None) -> None:
        """A day's orders: three full requests; unless *fates* has it otherwise one is refused and one is withheld."""
        first, bought = len(self.sales), self.clock() - timedelta(days=2)
        if fates is None:
            fates = {self.batch // 2: Fate.REFUSED, self.batch * 4 // 3: Fate.WITHHELD}
        for i in range(self.batch * 3):
            fate, amount = fates.get(i, Fate.SENT), Decimal(first + i) + Decimal("10000.25")
            self.sales.append(Sale(f"K{first + i:05}", fate, [amount], bought, denied=fate is Fate.WITHHELD))
        self.export(self.sales[first:])

    def reprice(self, sales: list[Sale]) -> None:
        """The next export says that these orders are worth something else."""
        for sale in sales:
            sale.amounts.append(sale.amounts[-1] + 1000)
        self.export(sales)

    def object(self, sale: Sale) -> None:
        """Its buyer objects; in force when this returns."""
        settings = self.settings
        person = subject(sale.email, keys.derive(settings.secret_key, SUBJECT))
        assert isinstance(person, bytes)
        with MIGRATING:
            objections.add(settings, self.clock, [(person,)], objections.ListEntry(SuppressionKind.OBJECTION))
        sale.fate = Fate.EITHER
        self.objectors.append(sale)

    def forget(self, sale: Sale) -> None:
        """Its buyer's data have been erased: the exports do not have it any more either."""
        for file in self.directory.glob("orders-*.csv"):
            file.unlink()
        self.export(other for other in self.sales if other is not sale)
        sale.fate = Fate.ERASED
        self.objectors.append(sale)

    def deny(self, sale: Sale) -> None:
        """Its buyer takes consent back; the next export says so."""
        sale.denied, sale.fate = True, Fate.EITHER
        self.denials.append((sale, self._log_size()))
        self.export([sale])

    def kept(self) -> list[Path]:
        """Every file that the program keeps."""
        return [
            file for file in self.directory.rglob("*") if file.is_file() and _ours(file.relative_to(self.directory))
        ]

    def _log_size(self) -> int:
        if not self.store.exists():
            return 0
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM leaf").fetchone()[0])

    def export(self, sales: Iterable[Sale]) -> None:
        """Another file, which says of these orders what is true now."""
        self._files += 1
        path = self.directory / f"orders-{self._files:04}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(sale.row() for sale in sales)
        written = self.clock().timestamp()
        os.utime(path, (written, written))


def _ours(path: Path) -> bool:
    """The store's directory, and what is named after it beside it."""
    return path.parts[0].startswith("var")


SETTINGS = """
timezone = "Europe/Copenhagen"
[source]
kind = "csv"
path = "orders-*.csv"
settle_seconds = 0
completed = ["completed"]
[source.columns]
order_id = "number"
email = "email"
amount = "amount"
currency = "currency"
product_ids = "products"
purchased_at = "at"
completed_at = "done"
status = "status"
refunded = "refunded"
consent = "consent"
[store]
url = "sqlite:///var/conversions.db"
[privacy]
legal_basis = "legitimate_interest"
[destinations.google]
operating_account_id = "1234567890"
conversion_action_id = "987654321"
endpoint = "{endpoint}"
requests_per_minute = 0
in_flight = {in_flight}
[destinations.meta]
dataset_id = "555000111222"
action_source = "physical_store"
max_age_days = 60
endpoint = "{endpoint}"
requests_per_minute = 0
in_flight = {in_flight}
"""
