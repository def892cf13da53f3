"""A shop that really sends, to a sandbox: what its store says can be held against what the other side received."""

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from conversions import delivery, pipeline, settings
from conversions.model.run_request import RunRequest
from conversions.run.report import Report
from conversions.sandbox import Sandbox
from conversions.settings import Settings

POLICY = Path(__file__).parents[2] / "config" / "privacy-policy.toml"
TOKEN = "EAAspecimenspecimenspecimen"
ENVIRONMENT = {"CONVERSIONS_KEY": "5c" * 32, "CONVERSIONS_META__ACCESS_TOKEN": TOKEN}

SATURDAY = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)
"""Still Saturday in the shop's zone."""
SUNDAY = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
"""Sunday in the shop's zone, and still Saturday in UTC."""

SETTINGS = """
timezone = "Europe/Copenhagen"
[source]
kind = "csv"
path = "orders/*.csv"
settle_seconds = 0
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
[privacy]
policy = "privacy-policy.toml"
legal_basis = "legitimate_interest"
[destinations.google]
operating_account_id = "1234567890"
conversion_action_id = "987654321"
requests_per_minute = 0
endpoint = "{url}"
[destinations.meta]
dataset_id = "555000111222"
action_source = "physical_store"
requests_per_minute = 0
endpoint = "{url}"
"""


@dataclass(slots=True)
class Shop:
    """Settings, orders and store in a directory of their own."""

    home: Path
    now: datetime = SATURDAY
    received: list[dict[str, Any]] = field(default_factory=list)
    """Every body that the sandbox got, in order."""

    @property
    def file(self) -> Path:
        return self.home / "conversions.toml"

    @property
    def settings(self) -> Settings:
        with mock.patch.dict(os.environ, ENVIRONMENT):
            return settings.load(self.file)

    @property
    def bodies(self) -> Counter[tuple[str, str]]:
        """How often each body arrived at each platform."""
        return Counter((each["destination"], each["body"]) for each in self.received)

    def clock(self) -> datetime:
        return self.now

    def sells(self, orders: int, day: date, *, product: str = "TEA-250") -> None:
        """A file of *orders* of one day."""
        rows = [
            f"{day:%m%d}-{i},buyer{i}@example.com,{100 + i}.50,DKK,{product},{day}T10:00:00,completed"
            for i in range(orders)
        ]
        file = self.home / "orders" / f"{day}-{product}.csv"
        file.write_text("order_id,email,amount,currency,product_ids,purchased_at,status\n" + "\n".join(rows) + "\n")
        written = (self.now - timedelta(hours=1)).timestamp()
        os.utime(file, (written, written))

    def sends(self, at: datetime = SATURDAY, *faults: str, reason: str | None = None) -> Report:
        """One run, without waits."""
        self.now = at
        with Sandbox(faults=faults, clock=self.clock) as sandbox:
            self.file.write_text(SETTINGS.format(url=sandbox.url))
            with mock.patch.object(delivery, "_backoff_seconds", return_value=0.0):
                report = pipeline.send(self.settings, RunRequest(reason=reason), self.clock)
            self.received += sandbox.received(bodies=True)["bodies"]
        return report

    def copy(self, home: Path) -> "Shop":
        """The same shop elsewhere, for a test that changes its store."""
        shutil.copytree(self.home, home)
        return Shop(home, self.now, list(self.received))

    @contextmanager
    def tampered(self) -> Iterator[sqlite3.Connection]:
        """The store, for what no command does (yet): erasing, or what a kill leaves behind."""
        with closing(sqlite3.connect(self.home / "var" / "conversions.db")) as store, store:
            yield store


def new_shop(home: Path) -> Shop:
    """A shop that has sold nothing yet."""
    (home / "orders").mkdir(parents=True)
    shutil.copy(POLICY, home / "privacy-policy.toml")
    (home / "conversions.toml").write_text(SETTINGS.format(url="http://127.0.0.1:1"))
    return Shop(home)


def two_nights(home: Path) -> Shop:
    """Requests 1 and 2, and 3, which sends again what Meta never answered, of run 1; 4 and 5 of run 2."""
    shop = new_shop(home)
    shop.sells(3, date(2026, 11, 19))
    shop.sends(SATURDAY, "lost:metax1", "require-token:meta")
    shop.sells(2, date(2026, 11, 20))
    shop.sends(SUNDAY, reason="the second night")
    return shop
