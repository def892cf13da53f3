"""A shop whose every order can be told on the wire by its product ID, and by nothing else that we know of."""

import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from conversions import keys
from conversions.identity import SUBJECT, subject
from conversions.privacy import objections
from conversions.settings import Settings, load

KEY = "c0ffee" + "5" * 58
POISON = "POISON"
BATCH = 15
"""Events in a request; what the shop sells in a day makes three."""


class Fate(StrEnum):
    """What should become of an order in the end."""

    SENT = "sent"
    REFUSED = "refused by the platform, alone"
    WITHHELD = "withheld"
    EITHER = "sent before the buyer objected, or withheld"


@dataclass(slots=True)
class Sale:
    """One order."""

    number: str
    fate: Fate
    amounts: list[Decimal]
    """What the shop said it was worth, newest last."""

    @property
    def email(self) -> str:
        return f"canary.{self.number.lower()}@example.com"

    @property
    def product(self) -> str:
        return f"P-{self.number}" + (f"-{POISON}" if self.fate is Fate.REFUSED else "")

    def row(self, purchased_at: str) -> list[str]:
        denied = "no" if self.fate is Fate.WITHHELD else ""
        return [self.number, self.email, f"{self.amounts[-1]}", "DKK", self.product, purchased_at, "completed", denied]


@dataclass
class Shop:
    """Orders in files, one a day of trading; settings and store beside them."""

    directory: Path
    endpoint: str
    sales: list[Sale] = field(default_factory=list)
    objectors: list[Sale] = field(default_factory=list)
    """In the order of their objections, which is the order of the ledger's entries."""
    _files: int = 0

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        policy = Path(__file__).parents[2] / "config" / "privacy-policy.toml"
        (self.directory / "privacy-policy.toml").write_bytes(policy.read_bytes())
        self.config.write_text(SETTINGS.format(endpoint=self.endpoint))
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

    def trade(self) -> None:
        """A day's orders: three full requests, with one order that is refused and one that is withheld."""
        first = len(self.sales)
        new = [Sale(f"K{first + i:05}", _fate(i), [Decimal(first + i) + Decimal("10.25")]) for i in range(BATCH * 3)]
        self.sales += new
        self._write(new)

    def reprice(self, sales: list[Sale]) -> None:
        """The next export says that these orders are worth something else."""
        for sale in sales:
            sale.amounts.append(sale.amounts[-1] + 1000)
        self._write(sales)

    def object(self, sale: Sale) -> None:
        """Its buyer objects; in force when this returns."""
        settings = self.settings
        person = subject(sale.email, keys.derive(settings.secret_key, SUBJECT))
        assert isinstance(person, bytes)
        objections.enter(settings, lambda: datetime.now(UTC), [person], None)
        sale.fate = Fate.EITHER
        self.objectors.append(sale)

    @property
    def settings(self) -> Settings:
        return load(self.config)

    def _write(self, sales: list[Sale]) -> None:
        self._files += 1
        purchased_at = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT12:00:00Z")
        with (self.directory / f"orders-{self._files:04}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["number", "email", "amount", "currency", "products", "at", "status", "consent"])
            writer.writerows(sale.row(purchased_at) for sale in sales)


def _fate(position: int) -> Fate:
    return {7: Fate.REFUSED, 20: Fate.WITHHELD}.get(position, Fate.SENT)


SETTINGS = """
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
status = "status"
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
in_flight = 2
[destinations.meta]
dataset_id = "555000111222"
action_source = "physical_store"
endpoint = "{endpoint}"
requests_per_minute = 0
in_flight = 2
"""
