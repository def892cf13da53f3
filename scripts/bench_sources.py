"""Benchmark of sources: read made-up orders from each stand-in, one process each, and print a table."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import requests

CASES: dict[str, tuple[str, ...]] = {
    "woocommerce": (),
    "woocommerce, 50 a page, no Link, 20 orders move": ("cap=50", "no-link", "moving=20"),
    "woocommerce, 1 in 20 requests fails": ("503@0.02=0", "429@0.02=0", "dropped@0.01"),
}
"""What is measured, and the faults of the shop."""


def main(sizes: list[int]) -> None:
    """Read every size from every stand-in, and print the figures."""
    print(f"{'source':48} {'orders':>8} {'seconds':>8} {'orders/s':>9} {'requests':>9} {'MB':>5}")
    for orders in sizes or [100_000]:
        for name, faults in CASES.items():
            with shop(orders, faults) as url:
                read = subprocess.run([sys.executable, __file__, "--read", url], stdout=subprocess.PIPE, check=True)
                seconds, rows, megabytes = json.loads(read.stdout)
                asked = requests.get(f"{url}/_sandbox/received", timeout=10).json()["shop"]["requests"]
            print(f"{name:48} {rows:8} {seconds:8.1f} {rows / seconds:9.0f} {asked:9} {megabytes:5}", flush=True)


@contextmanager
def shop(orders: int, faults: tuple[str, ...]) -> Iterator[str]:
    """A WooCommerce shop in a process of its own."""
    program = Path(sys.executable).with_name("conversions")
    options = [part for fault in faults for part in ("--shop-fault", fault)]
    command = [str(program), "sandbox", "--port", "0", "--shop", "woocommerce", "--shop-orders", str(orders), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield running.stdout.readline().split()[-1]
        running.terminate()


def read_orders(url: str) -> None:
    """Read all orders of the shop at *url*; print seconds, rows and the peak of memory in MB."""
    from conversions.intake.sources import open_source
    from conversions.model.conversion import Window
    from conversions.settings import WooCommerceSource

    settings = WooCommerceSource.model_validate(
        {
            "kind": "woocommerce",
            "url": url,
            "consumer_key": "ck_sandbox",
            "consumer_secret": "cs_sandbox",
            "completed": ["completed", "processing"],
        }
    )
    zone, now = ZoneInfo("Europe/Copenhagen"), datetime.now(UTC)
    source = open_source(settings, zone=zone, resolve=Path, clock=lambda: datetime.now(UTC), key=b"k" * 32)
    began = time.monotonic()
    window = Window(now.date() - timedelta(days=8), now.date())
    rows = sum(len(chunk) for chunk in source.chunks(window))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([time.monotonic() - began, rows, peak]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read_orders(sys.argv[2])
    else:
        main([int(size) for size in sys.argv[1:]])
