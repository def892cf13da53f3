"""Benchmark of the store: a week of nights, and what commands cost as it grows. It asserts nothing.

    scripts/bench_store [ORDERS [EVENTS…]]

A week: made-up orders that every one of seven nights reads (default 20,000), with 1,000 objections in force, 40 % of
the orders unmatched and 2 % rejected by late results, 20 % withheld, 3 % restated, and one run killed. Growth: the cost
of commands in stores of so many events (default 10,000 and 1,000,000). CPU is user and system time of all processes.
"""

import csv
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from process_memory import memory_peak

ROOT = Path(__file__).resolve().parent.parent
ZONE = ZoneInfo("Europe/Copenhagen")
NIGHTS = 7
OBJECTIONS = 1_000
NEW_ORDERS = 200
HEADER = ("order_id", "email", "total", "currency", "product_ids", "purchased_at", "status", "refunded")
SETTINGS = """
lookback_days = 8
[source]
kind = "csv"
path = "orders.csv"
settle_seconds = 0
completed = ["completed"]
[source.columns]
{columns}
[store]
url = "sqlite:///var/conversions.db"
[privacy]
policy = "{policy}"
legal_basis = "legitimate_interest"
[destinations.google]
operating_account_id = "1234567890"
conversion_action_id = "987654321"
requests_per_minute = 0
max_new = 10000000
endpoint = "{url}"
[destinations.meta]
dataset_id = "555000111222"
action_source = "physical_store"
max_age_days = 60
requests_per_minute = 0
max_new = 10000000
endpoint = "{url}"
"""


class TimedCursor(sqlite3.Cursor):
    """Adds up the CPU time of all statements, fetching included."""

    def execute(self, *arguments: Any) -> Any:
        with counted("sql"):
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        with counted("sql"):
            return super().executemany(*arguments)

    def fetchall(self) -> Any:
        with counted("sql"):
            return super().fetchall()

    def fetchmany(self, *arguments: Any) -> Any:
        with counted("sql"):
            return super().fetchmany(*arguments)

    def fetchone(self) -> Any:
        with counted("sql"):
            return super().fetchone()


class TimedConnection(sqlite3.Connection):
    """A connection with such cursors."""

    def cursor(self, *_: Any) -> Any:
        return super().cursor(TimedCursor)

    def execute(self, *arguments: Any) -> Any:
        with counted("sql"):
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        with counted("sql"):
            return super().executemany(*arguments)

    def commit(self) -> None:
        with counted("sql"):
            super().commit()


SPENT: dict[str, float] = {"sql": 0.0}


@contextmanager
def counted(name: str) -> Iterator[None]:
    """Add up the CPU seconds of this thread."""
    began = time.thread_time()
    try:
        yield
    finally:
        SPENT[name] += time.thread_time() - began


def night(home: Path, hours: float, stop_after: int) -> None:
    """In a process of its own: one run at the machine's time plus *hours*, killed at its n-th commit if so told."""
    from conversions import pipeline
    from conversions.model.run_request import RunRequest
    from conversions.settings import load

    connect = sqlite3.connect
    factory: Any = limited(stop_after) if stop_after else TimedConnection
    sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=factory)
    moved = timedelta(hours=hours)
    report = pipeline.send(load(home / "conversions.toml"), RunRequest(restate=True), lambda: datetime.now(UTC) + moved)
    print(json.dumps({"exit code": report.exit_code, "sql": SPENT["sql"], "cpu": cpu()}))


def limited(commits: int) -> type[sqlite3.Connection]:
    """A connection class whose process is killed at a commit."""
    left = [commits]

    class Limited(TimedConnection):
        def commit(self) -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            super().commit()

    return Limited


def cpu() -> float:
    """CPU seconds of this process and of its helpers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def week(orders: int) -> None:
    """Run the week, and print bytes of store an event and CPU an order."""
    from conversions.sandbox import Options, Sandbox

    moved = [timedelta()]
    faults = ("verdict@0.02=DENIED_CONSENT",)
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(0, faults, Options(seed=1, unmatched=0.4), clock=lambda: datetime.now(UTC) + moved[0]) as sandbox,
    ):
        home, bought = Path(folder), datetime.now(ZONE).date() - timedelta(days=1)
        configure(home, sandbox.url)
        write_orders(home, range(orders), lambda _: bought, pending=True)
        objections = "\n".join(f"nobody.{i}@example.org" for i in range(OBJECTIONS))
        command(home, "privacy", "object", stdin=objections)
        figures = []
        for nth in range(NIGHTS):
            moved[0] = timedelta(days=nth)
            hours = nth * 24.0
            if nth == 2:
                write_orders(home, range(orders), lambda _: bought, pending=True, refunds=True)
            if nth == 1:
                process(home, hours, stop_after=5)
            figures.append(process(home, hours, stop_after=0))
            print(f"night {nth + 1}: {figures[-1]}", flush=True)
        events = 2 * orders - 2 * (orders // 5)
        print(f"store, bytes/event: {store_bytes(home) / events:.0f} ({events} events of {orders} orders)")
        print(f"store's SQL, CPU us/order: first night {figures[0]['sql'] / orders * 1e6:.0f}, "
              f"all {NIGHTS} nights {sum(f['sql'] for f in figures) / orders * 1e6:.0f}")  # fmt: skip
        print(f"all processes, CPU us/order: first night {figures[0]['cpu'] / orders * 1e6:.0f}, "
              f"all {NIGHTS} nights {sum(f['cpu'] for f in figures) / orders * 1e6:.0f}")  # fmt: skip
        print(f"memory of all processes, MB: {max(f['memory'] for f in figures):.0f}")


def process(home: Path, hours: float, *, stop_after: int) -> dict[str, float]:
    """One run in a process of its own, with the peak of memory (PSS) of it and its helpers."""
    argv = [sys.executable, __file__, "--night", str(home), str(hours), str(stop_after)]
    environment = {**os.environ, "CONVERSIONS_KEY": "5e" * 32}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as running:
        peak, sampler = memory_peak(running.pid)
        out, _ = running.communicate()
        sampler.join()
    if running.returncode != 0 and not stop_after:
        sys.exit(f"a run ended with {running.returncode}")
    figures: dict[str, float] = json.loads(out.splitlines()[-1]) if out else {}
    return {**figures, "memory": peak[0] / 1024}


def growth(sizes: list[int]) -> None:
    """Print what commands cost in stores of so many events."""
    rows = {events: costs_at(events) for events in sizes}
    print(f"{'command':28}" + "".join(f"{events:>24,}" for events in sizes))
    for name in next(iter(rows.values())):
        print(f"{name:28}" + "".join(f"{rows[events][name]:>24}" for events in sizes))


def costs_at(events: int) -> dict[str, str]:
    """CPU seconds and megabytes written of each command, in a store that one night filled."""
    sandbox = [sys.executable, "-m", "conversions", "sandbox", "--port", "0", "--counting"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(sandbox, stdout=subprocess.PIPE, text=True, cwd=ROOT) as platforms,
    ):
        url = next(line for line in platforms.stdout or () if "answers at" in line).split()[-1]
        home, today = Path(folder), datetime.now(ZONE).date()
        configure(home, url)
        orders = events // 2
        write_orders(home, range(orders), lambda i: today - timedelta(days=8 - i * 7 // orders))
        filled = command(home, "run", "--since", str(today - timedelta(days=9)))
        address = "buyer.0@example0.org\n"
        found = {
            "filling it": filled,
            "run, nothing new": command(home, "run"),
            "status": command(home, "status"),
            "plan": command(home, "plan"),
            "explain one order": command(home, "explain", "N-0000000", "--reason", "measured"),
            "privacy access": command(home, "privacy", "access", "--case", "1", stdin=address),
            "audit verify": command(home, "audit", "verify"),
            "privacy erase": command(home, "privacy", "erase", "--case", "1", "--yes", stdin=address),
        }
        write_orders(home, range(orders, orders + NEW_ORDERS), lambda _: today - timedelta(days=1))
        found[f"run, {NEW_ORDERS} new"] = command(home, "run")
        platforms.terminate()
        return {**found, "store, bytes/event": f"{store_bytes(home) / events:.0f}"}


def command(home: Path, *arguments: str, stdin: str = "") -> str:
    """Run a command; return its CPU seconds and the megabytes that it wrote."""
    argv = [sys.executable, __file__, "--command", *arguments, "--config", str(home / "conversions.toml")]
    environment = {**os.environ, "CONVERSIONS_KEY": "5e" * 32, "CONVERSIONS_META__ACCESS_TOKEN": "sandbox"}
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    told = done.stderr.splitlines()
    if done.returncode not in {0, 1} or not told:
        sys.exit(f"{arguments[0]} ended with {done.returncode}: {done.stderr[-300:]}")
    seconds, written = json.loads(told[-1])
    return f"{seconds:.1f} s, {written / 1e6:.1f} MB"


def run_command(arguments: list[str]) -> int:
    """In a process of its own: the command line; the last line of stderr is the cost."""
    from conversions.cli import main

    code = main(arguments)
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    print(json.dumps([cpu(), int(fields["wchar"])]), file=sys.stderr)
    return code


def configure(home: Path, url: str) -> None:
    names = {"email": "email", "amount": "total", **{n: n for n in HEADER if n not in {"email", "total"}}}
    columns = "\n".join(f'{ours} = "{theirs}"' for ours, theirs in names.items())
    policy = ROOT / "config" / "privacy-policy.toml"
    (home / "conversions.toml").write_text(SETTINGS.format(columns=columns, policy=policy, url=url))


def write_orders(
    home: Path, numbers: range, day: Callable[[int], date], *, pending: bool = False, refunds: bool = False
) -> None:
    """Made-up orders, three a buyer; with *pending* every fifth is not finished, with *refunds* three in a hundred
    were refunded in part.
    """
    with (home / "orders.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for i in numbers:
            status = "pending" if pending and i % 5 == 0 else "completed"
            refunded = "10.00" if refunds and i % 100 in {1, 2, 3} else ""
            buyer, amount = f"buyer.{i // 3}@example{i // 3 % 50}.org", f"{100 + i * 7 % 400}.{i % 100:02}"
            at = f"{day(i)}T{i % 18:02}:{i % 60:02}:00"
            rows.writerow([f"N-{i:07}", buyer, amount, "DKK", f"SKU-{i % 5000}", at, status, refunded])


def store_bytes(home: Path) -> int:
    return sum(file.stat().st_size for file in (home / "var").iterdir())


def main(arguments: list[str]) -> None:
    sizes = [int(each) for each in arguments]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    week(sizes[0] if sizes else 20_000)
    growth(sizes[1:] or [10_000, 1_000_000])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--night"]:
        night(Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["--command"]:
        sys.exit(run_command(sys.argv[2:]))
    else:
        main(sys.argv[1:])
