"""Benchmark: run made-up orders, each size in its own process, and print a table."""

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from process_memory import memory_peak

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = """
lookback_days = 6
[source]
kind = "csv"
path = "orders.csv"
settle_seconds = 0
completed = ["completed"]
[source.columns]
order_id = "order_id"
email = "billing_email"
amount = "total"
currency = "currency"
product_ids = "product_ids"
purchased_at = "purchased_at"
status = "status"
[store]
url = "sqlite:///var/conversions.db"
[privacy]
policy = "{policy}"
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


def main(sizes: list[int]) -> None:
    """Run every size and print its figures."""
    rows = [measure(size) for size in sizes or [100_000, 1_000_000]]
    names = list(rows[0])
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  " + "  ".join(f"{row[name]:>12,.1f}" for row in rows))
    if len(rows) > 1:
        memory = [row["peak memory of all processes, MB"] for row in rows]
        print(f"{'peak memory, last / first':<{width}}  {memory[-1] / memory[0]:>12.2f}")


def measure(size: int) -> dict[str, float]:
    """One run in a fresh process against a fresh sandbox in another."""
    with tempfile.TemporaryDirectory() as folder, sandbox() as url:
        write_orders(Path(folder) / "orders.csv", size)
        policy = ROOT / "config" / "privacy-policy.toml"
        (Path(folder) / "conversions.toml").write_text(SETTINGS.format(policy=policy, url=url))
        child = [sys.executable, __file__, "--child", folder]
        with subprocess.Popen(child, stdout=subprocess.PIPE, text=True) as running:
            peak, sampler = memory_peak(running.pid)
            out, _ = running.communicate()
            sampler.join()
        if running.returncode != 0:
            sys.exit(f"the run ended with {running.returncode}")
        figures: dict[str, float] = {**json.loads(out), "peak memory of all processes, MB": peak[0] / 1024}
        received = requests.get(f"{url}/_sandbox/received", timeout=10).json()
    arrived = received["google"]["events"] + received["meta"]["events"]
    if arrived != 2 * size:
        sys.exit(f"{arrived} events arrived instead of {2 * size}")
    return figures


def child(folder: Path) -> None:
    """Run once, and measure each stage."""
    os.environ["CONVERSIONS_KEY"] = "5e" * 32
    from conversions import delivery, pipeline
    from conversions.ledger import outbox as ledger_requests
    from conversions.model.run_request import RunRequest
    from conversions.settings import load

    watch = Stopwatch()
    for name in ("intend", "settle"):
        watch.time(ledger_requests, name)
    watch.time(delivery, "_send")
    settings = load(folder / "conversions.toml")
    started = time.perf_counter()
    report = pipeline.send(settings, RunRequest(), lambda: datetime.now(UTC), watch)
    total = time.perf_counter() - started
    size, spent = report.source.orders, watch.spent
    store = sum(file.stat().st_size for file in (folder / "var").iterdir())
    figures = {
        "orders": size,
        "seconds": total,
        "orders per second": size / total,
        "source and convert, us/order": spent["reading"] / size * 1e6,
        "stage, us/order": spent["staging"] / size * 1e6,
        "intend and settle, us/order": (spent["intend"] + spent["settle"]) / size * 1e6,
        "HTTP, us/order (beside the rest)": spent["_send"] / size * 1e6,
        "sending as a whole, us/order": spent["sending"] / size * 1e6,
        "store, bytes/event": store / (2 * size),
        "exit code": report.exit_code,
    }
    print(json.dumps(figures))


class Stopwatch:
    """Seconds by name; it also serves as the progress of the run, to measure its stages."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def time(self, module: Any, name: str) -> None:
        """Add up the time of all calls of a function."""
        function = getattr(module, name)

        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.spent[name] += time.perf_counter() - started  # type: ignore[assignment]

        setattr(module, name, timed)

    @contextmanager
    def track(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Add up the time of one stage."""
        del total
        started = time.perf_counter()
        yield lambda _: None
        self.spent[label] += time.perf_counter() - started  # type: ignore[assignment]

    def wait(self, sentence: str, seconds: float) -> AbstractContextManager[None]:
        """Measure nothing: no source of this benchmark waits."""
        del sentence, seconds
        return nullcontext()


@contextmanager
def sandbox() -> Iterator[str]:
    """The stand-in for both platforms, in counting mode; yields its URL."""
    command = [sys.executable, "-m", "conversions", "sandbox", "--port", "0", "--counting"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        output = iter(process.stdout or ())
        try:
            yield next(line for line in output if "answers at" in line).split()[-1]
        finally:
            process.terminate()


def write_orders(path: Path, size: int) -> None:
    """Made-up orders of six days, two thirds as many buyers, one or two products each."""
    chance, today = random.Random(1), datetime.now(ZoneInfo("Europe/Copenhagen")).date()
    header = ["order_id", "billing_email", "total", "currency", "product_ids", "purchased_at", "status"]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(header)
        for i in range(size):
            day = today - timedelta(days=6 - i * 6 // size)
            products = [f"SKU-{chance.randint(1, 5000)}" for _ in range(chance.randint(1, 2))]
            amount = f"{chance.randint(10_000, 200_000) / 100:.2f}"
            buyer = f"Buyer.{i % (size * 2 // 3)}@example{i % 50}.org"
            at = f"{day}T{i % 18:02d}:{i % 60:02d}:{i * 7 % 60:02d}+01:00"
            rows.writerow([f"N-{i:07d}", buyer, amount, "DKK", "|".join(products), at, "completed"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]))
    else:
        main([int(size) for size in sys.argv[1:]])
