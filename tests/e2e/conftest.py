"""A whole shop in a directory, and the two platforms on a loopback port: commands in; exit codes, JSON and bytes out."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from sqlite3 import connect
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import orjson
import pytest

from conversions.cli import main
from conversions.delivery import Delivery
from conversions.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Europe/Copenhagen")
NIGHT = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
"""06:15 in the shop: where commands run in-process, it is always then."""

KEY = "8f3b1d5e7a9c0b2d4f6e8a1c3b5d7f90" * 2
TOKEN = "EAABcanaryTOKENcanaryTOKENcanary0123456789"
DOMAIN = "kunde.example"
"""Of every buyer's address, so that one search finds each of them."""
NAMES = ("google", "meta")

Json = dict[str, Any]
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
BUCKETS = ("sent", "already_sent", "pending", "withheld", "quarantined", "rejected", "deferred", "expired", "unknown")


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Fail, rather than hang, where what is inside does not end."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Clock:
    """Stands still until it is moved, or until the program sleeps."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind."""

    command: str
    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """What it printed; its exit code is in it, too."""
        assert self.out, self.err
        document: Json = json.loads(self.out)
        assert document["exit_code"] == self.code, self
        return document

    def at(self, destination: str) -> Json:
        """One destination of a run or a plan."""
        side: Json = self.json["destinations"][destination]
        return side

    def counts(self, destination: str) -> Json:
        """The buckets of one destination that are not empty; reasons where there are some."""
        return {bucket: self.at(destination)[bucket] for bucket in BUCKETS if self.at(destination)[bucket]}

    @property
    def sentence(self) -> str:
        """The one clear sentence on stderr, where nothing is on stdout."""
        lines = self.err.strip().splitlines()
        assert self.out == "", self
        assert len(lines) == 1, self
        assert "Traceback" not in self.err
        assert "Internal error" not in self.err
        assert lines[0].endswith("."), self
        return lines[0]


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
        endpoint = {"endpoint": self.sandbox.url, "requests_per_minute": 0}
        tables: dict[str, Any] = {
            "timezone": "Europe/Copenhagen",
            "source": {"kind": "csv", "path": "orders/*.csv", "completed": ["completed"], "columns": COLUMNS},
            "store": {"url": "sqlite:///var/conversions.db"},
            "privacy": {"policy": "privacy-policy.toml", "legal_basis": "legitimate_interest"},
            "destinations": {
                "google": {"operating_account_id": "1234567890", "conversion_action_id": "987654321", **endpoint},
                "meta": {"dataset_id": "555000111222", "action_source": "physical_store", **endpoint},
            },
        }
        self.config.write_text(toml(merged(tables, changes)), encoding="utf-8")

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
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.order()), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return self.file(text.getvalue().encode(), name, hours_ago)

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
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, **self._process)
        return self._heard(Said(str(arguments[0]), done.returncode, done.stdout, done.stderr))

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        """Started, and not waited for."""
        pipe = subprocess.PIPE
        running: subprocess.Popen[str] = subprocess.Popen(
            self._command_line(arguments), stdout=pipe, stderr=pipe, **self._process
        )
        return running

    def finish(self, running: "subprocess.Popen[str]") -> Said:
        """Wait for what ``start`` started."""
        out, err = running.communicate(timeout=60)
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
            return connection.execute(statement, values).fetchall()

    def store_bytes(self) -> dict[str, bytes]:
        """Everything that the program keeps: the store's directory and the tail file.

        Not SQLite's ``-shm``, an index that every reader builds, nor an empty ``-wal`` that one leaves behind.
        """
        files = [path for path in sorted((self.home / "var").glob("*")) if not path.name.endswith("-shm")]
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


@dataclass(frozen=True, slots=True)
class Sale:
    """What a platform was told, in its own words no more."""

    reference: str
    digest: str
    value: Decimal
    currency: str
    products: tuple[str, ...]


def sale(event: bytes, platform: str) -> Sale:
    e = json.loads(event, parse_float=Decimal)
    if platform == "meta":
        data = e["custom_data"]
        return Sale(e["event_id"], e["user_data"]["em"][0], data["value"], data["currency"], tuple(data["content_ids"]))
    products = tuple(item["merchantProductId"] for item in e["cartData"]["items"])
    digest = e["userData"]["userIdentifiers"][0]["emailAddress"]
    return Sale(e["transactionId"], digest, e["conversionValue"], e["currency"], products)


def digest(address: str) -> str:
    return sha256(address.encode()).hexdigest()


def merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> Json:
    """*table* with *changes* in it, at any depth."""
    result = dict(table)
    for key, change in changes.items():
        if change is None:
            result.pop(key, None)
        elif isinstance(change, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], change)
        else:
            result[key] = change
    return result


def toml(tables: Mapping[str, Any], prefix: str = "") -> str:
    """Enough TOML for settings: JSON's texts, numbers, truth values and lists are TOML's, too."""
    plain = {key: value for key, value in tables.items() if not isinstance(value, Mapping)}
    inner = {key: value for key, value in tables.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {_toml_value(value)}\n" for key, value in plain.items()]
    return "".join(lines) + "".join(
        f"[{prefix}{key}]\n{toml(value, f'{prefix}{key}.')}" for key, value in inner.items()
    )


def _toml_value(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def no_secret_in(name: str, content: str | bytes) -> None:
    """Fail where an address, the key or a token can be read, in UTF-8 or UTF-16, whole or quoted for a URL."""
    data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
    folded = data.lower()
    for secret in (DOMAIN, KEY, TOKEN):
        for form in (secret.lower().encode(), secret.lower().encode("utf-16-le")):
            assert form not in folded, f"{name} holds {secret}"
    assert bytes.fromhex(KEY) not in data, f"{name} holds the key"


def assert_silent(shop: Shop) -> None:
    """Nothing personal and no secret in anything that was said or kept; no traceback."""
    digests = [digest(address.strip().lower()) for address in shop.addresses]
    for said in shop.said:
        no_secret_in("the output", said.out + said.err)
        assert "Traceback" not in said.err
        assert said.command == "audit" or not any(each in said.out + said.err for each in digests)
    for name, content in shop.store_bytes().items():
        no_secret_in(name, content)


@contextmanager
def open_shop(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop whose commands run in this process, at 06:15 of one fixed night; where they sleep the clock moves on."""
    clock = Clock(NIGHT)

    async def sleep(_: Delivery, seconds: float) -> None:
        clock.now += timedelta(seconds=seconds)

    monkeypatch.setattr(Delivery, "_sleep", sleep)
    with Sandbox(clock=clock) as sandbox:
        shop = Shop(home, sandbox, capsys, monkeypatch, clock)
        yield shop
        assert_silent(shop)


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """See ``open_shop``."""
    with open_shop(tmp_path / "shop", capsys, monkeypatch) as shop:
        yield shop


@pytest.fixture
def real_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop whose commands run in processes of their own, at the machine's time."""
    with Sandbox() as sandbox:
        shop = Shop(tmp_path / "shop", sandbox, capsys, monkeypatch, Clock(datetime.now(UTC)))
        yield shop
        assert_silent(shop)
