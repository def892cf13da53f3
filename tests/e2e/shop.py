"""A whole shop in a directory: settings, policy, secrets, orders, its store, and how its commands are run."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from sqlite3 import connect
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import orjson
import pytest

from conversions.cli import main
from conversions.sandbox import Sandbox
from tests.e2e.said import DOMAIN, KEY, TOKEN, Json, Said, assert_no_secret
from tests.e2e.sales import Sale, digest, sale
from tests.e2e.texts import export, merged, toml
from tests.ledger import forced
from tests.ledger.stored import legible

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Europe/Copenhagen")
NAMES = ("google", "meta")
Row = dict[str, str]

COLUMNS = {
    "order_id": "order_id",
    "email": "billing_email",
    "amount": "total",
    "currency": "currency",
    "product_ids": "product_ids",
    "purchased_at": "purchased_at",
    "status": "status",
    "refunded": "refunded",
    "consent": "ads_consent",
}


class Clock:
    """Stands still until it is moved, or until the program sleeps."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Shop:
    """A shop's directory: settings, policy, secrets, orders; its store; and how its commands are run."""

    def __init__(
        self,
        home: Path,
        sandbox: Sandbox,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        clock: Clock,
    ) -> None:
        self.home = home
        self.sandbox = sandbox
        self.clock = clock
        self.environment: dict[str, str] = {}
        self.said: list[Said] = []
        self.addresses: set[str] = set()
        """Of everybody who ever bought or objected here."""
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self._started: list[subprocess.Popen[str]] = []
        (home / "orders").mkdir(parents=True)
        self.policy = home / "privacy-policy.toml"
        self.policy.write_bytes((ROOT / "config" / "privacy-policy.toml").read_bytes())
        self.configure()
        self.secrets(CONVERSIONS_KEY=KEY, CONVERSIONS_META__ACCESS_TOKEN=TOKEN)

    # what the shop has

    @property
    def now(self) -> datetime:
        return self.clock.now

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.clock.now += timedelta(**span)

    @property
    def config(self) -> Path:
        return self.home / "conversions.toml"

    @property
    def store(self) -> Path:
        return self.home / "var" / "conversions.db"

    @property
    def tail(self) -> Path:
        return self.home / "var-conversions.tail"

    def secrets(self, **values: str) -> None:
        """The ``.env`` beside the settings."""
        path = self.home / ".env"
        path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        path.chmod(0o600)

    def configure(self, **changes: Any) -> None:
        """Write conversions.toml; *changes* by section, ``None`` takes a key or a section out."""
        tables: dict[str, Any] = {
            "timezone": "Europe/Copenhagen",
            "source": {"kind": "csv", "path": "orders/*.csv", "completed": ["completed"], "columns": COLUMNS},
            "store": {"url": "sqlite:///var/conversions.db"},
            "privacy": {"policy": "privacy-policy.toml", "legal_basis": "legitimate_interest"},
            "destinations": {name: self.destination(name) for name in NAMES},
        }
        self.config.write_text(toml(merged(tables, changes)), encoding="utf-8")

    def destination(self, kind: str) -> Json:
        """A section for the sandbox."""
        accounts = {
            "google": {"operating_account_id": "1234567890", "conversion_action_id": "987654321"},
            "meta": {"dataset_id": "555000111222", "action_source": "physical_store"},
        }
        return {"kind": kind, **accounts[kind], "endpoint": self.sandbox.url, "requests_per_minute": 0}

    def day(self, back: int) -> str:
        """So many days ago in the shop's zone."""
        return (self.now.astimezone(ZONE).date() - timedelta(days=back)).isoformat()

    def order(self, number: str = "1001", **changes: str) -> Row:
        """One row: an order of noon, two days ago."""
        row = {
            "order_id": number,
            "billing_email": f"ida.{number}@{DOMAIN}",
            "total": "100.00",
            "currency": "DKK",
            "product_ids": "SKU-1",
            "purchased_at": f"{self.day(2)} 12:00:00",
            "status": "completed",
            "refunded": "",
            "ads_consent": "",
        }
        assert set(changes) <= set(row), changes
        row |= changes
        self.addresses.add(row["billing_email"])
        return row

    def orders(self, *rows: Mapping[str, str], name: str = "orders.csv", hours_ago: float = 2) -> Path:
        """A finished export, in place of an older one of that name."""
        return self.file(export(self.order(), rows), name, hours_ago)

    def file(self, content: bytes, name: str = "orders.csv", hours_ago: float = 2) -> Path:
        """An export of any content."""
        path = self.home / "orders" / name
        path.write_bytes(content)
        written = (self.now - timedelta(hours=hours_ago)).timestamp()
        os.utime(path, (written, written))
        return path

    # its commands

    def command(self, *arguments: object, stdin: str = "") -> Said:
        """In this process, at ``now``."""
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        self._set_clocks()
        self._capsys.readouterr()
        with mock.patch.dict(os.environ, self.environment):
            code = main([*map(str, arguments), "--config", str(self.config)])
        return self._heard(Said(str(arguments[0]), code, *self._capsys.readouterr()))

    def approve(self, by: str = "Bo Lund", reason: str = "agreed") -> Said:
        """What the settings and the policy say now."""
        said = self.command("policy", "approve", "--by", by, "--reason", reason)
        assert said.code == 0, said
        return said

    def run(self, *arguments: object) -> Said:
        return self.command("run", "--json", *arguments)

    def plan(self, *arguments: object) -> Said:
        return self.command("plan", "--json", *arguments)

    def status(self) -> Json:
        return self.command("status", "--json").json

    def states(self) -> dict[str, dict[str, int]]:
        """Orders by destination and state, as ``status`` tells."""
        states: dict[str, dict[str, int]] = self.status()["states"]
        return states

    def objection(self, *addresses: str, taken_back: bool = False) -> Said:
        """Piped in, one a line."""
        self.addresses.update(addresses)
        arguments = ["--remove", "--reason", "by phone"] if taken_back else []
        said = self.command("privacy", "object", *arguments, stdin="\n".join(addresses))
        assert said.code == 0, said
        return said

    def process(self, *arguments: object, through: Sequence[str] = ()) -> Said:
        """In a process of its own, at the machine's time; *through* is a program that starts the one behind it."""
        command = [*through, *self._command_line(arguments)]
        done = subprocess.run(command, capture_output=True, check=False, **self._process)
        return self._heard(Said(str(arguments[0]), done.returncode, done.stdout, done.stderr))

    def start(
        self, *arguments: object, through: Sequence[str] = (), out: int = subprocess.PIPE, err: int = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        """Started, and not waited for."""
        command = [*through, *self._command_line(arguments)]
        running: subprocess.Popen[str] = subprocess.Popen(command, stdout=out, stderr=err, **self._process)
        self._started.append(running)
        return running

    def leave_nobody(self) -> None:
        """End whatever a test that failed has left running."""
        for running in self._started:
            running.kill()
            running.communicate()

    def finish(self, running: "subprocess.Popen[str]") -> Said:
        """Wait for what ``start`` started."""
        out, err = running.communicate()
        return self._heard(Said(str(running.args[3]), running.returncode, out, err))  # type: ignore[index]

    def _command_line(self, arguments: Sequence[object]) -> list[str]:
        return [sys.executable, "-m", "conversions", *map(str, arguments), "--config", str(self.config)]

    @property
    def _process(self) -> Json:
        environment = {**os.environ, "NO_GCE_CHECK": "true", **self.environment}
        return {"cwd": ROOT, "env": environment, "stdin": subprocess.DEVNULL, "encoding": "utf-8", "errors": "replace"}

    def _heard(self, said: Said) -> Said:
        self.said.append(said)
        return said

    def _set_clocks(self) -> None:
        for name, module in list(sys.modules.items()):
            for clock in ("now", "_now"):
                if name.startswith("conversions.cli.") and hasattr(module, clock):
                    self._monkeypatch.setattr(module, clock, lambda: self.now)

    # what its store holds

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Straight to the store, past the program."""
        with closing(connect(self.store)) as connection, connection:
            forced.allow(connection)
            return connection.execute(statement, values).fetchall()

    def store_bytes(self) -> dict[str, bytes]:
        """Everything that the program keeps: the store's directory and the tail file.

        Not SQLite's ``-shm``, an index that every reader builds, nor an empty ``-wal`` that one leaves behind. Not
        the note of why the last run stopped, which every stopped run writes.
        """
        files = [path for path in sorted((self.home / "var").glob("*")) if not path.name.endswith(("-shm", ".stop"))]
        kept = {path.name: path.read_bytes() for path in [*files, self.tail] if path.is_file()}
        return {name: content for name, content in kept.items() if content}

    # what the platforms got

    def received(self, platform: str) -> Json:
        report: Json = self.sandbox.received()[platform]
        return report

    def requests(self) -> int:
        """At both platforms."""
        return sum(int(self.received(name)["requests"]) for name in NAMES)

    def bodies(self, platform: str) -> list[bytes]:
        """Everything that was posted there, in order."""
        entries = self.sandbox.received(bodies=True)["bodies"]
        return [entry["body"].encode() for entry in entries if entry["destination"] == platform]

    def events(self, platform: str) -> list[bytes]:
        """Each event of each body, byte for byte, in order."""
        found = []
        for body in self.bodies(platform):
            document = orjson.loads(body)
            assert orjson.dumps(document) == body  # so that an event dumped again is the event that came
            found += [orjson.dumps(event) for event in document["data" if platform == "meta" else "events"]]
        return found

    def sales(self, platform: str) -> list["Sale"]:
        """Each event of each body, understood."""
        return [sale(event, platform) for event in self.events(platform)]

    def exported(self) -> list[Json]:
        """``audit export``, parsed."""
        said = self.command("audit", "export")
        assert said.code == 0, said
        return [json.loads(line) for line in said.out.splitlines()]

    def assert_untouched(self) -> None:
        """Nothing was sent, and nothing was written."""
        assert self.requests() == 0
        assert not self.store.exists()
        assert not self.tail.exists()

    def assert_silent(self) -> None:
        """Nothing personal and no secret in anything that was said or kept; no traceback."""
        digests = [digest(address.strip().lower()) for address in self.addresses]
        for said in self.said:
            assert "Traceback" not in said.err
            assert_no_secret("the output", said.out + said.err, [] if said.command == "audit" else digests)
        for name, content in self.store_bytes().items():
            assert_no_secret(name, legible(content))
