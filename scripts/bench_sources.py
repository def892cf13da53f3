"""Benchmark of sources: read made-up orders from each stand-in, one process each, and print a table."""

import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import requests

if TYPE_CHECKING:
    from conversions.settings import AnySourceSettings

CASES: dict[str, tuple[str, ...]] = {
    "woocommerce": (),
    "woocommerce, 50 a page, no Link, 20 orders move": ("cap=50", "no-link", "moving=20"),
    "woocommerce, 1 in 20 requests fails": ("503@0.02=0", "429@0.02=0", "dropped@0.01"),
    "shopify": ("bulk-busy",),
    "shopify, 20 orders move": ("bulk-busy", "moving=20"),
    "shopify, 1 in 20 requests fails": ("bulk-busy", "503@0.02=0", "429@0.02=0", "dropped@0.01"),
    "shopify by a bulk operation": (),
    "shopify by a bulk operation, 1 in 20 requests fails": ("503@0.02=0", "429@0.02=0", "dropped@0.01"),
}
"""What is measured, the kind of shop first, and its faults."""


def main(sizes: list[int]) -> None:
    """Read every size from every stand-in, and print the figures."""
    print(f"{'source':52} {'orders':>8} {'seconds':>8} {'orders/s':>9} {'requests':>9} {'MB':>5}")
    for orders in sizes or [100_000]:
        for name, faults in CASES.items():
            kind = re.split("[, ]", name)[0]
            with shop(kind, orders, faults) as url:
                read = subprocess.run(
                    [sys.executable, __file__, "--read", kind, url], stdout=subprocess.PIPE, check=True
                )
                seconds, rows, megabytes = json.loads(read.stdout.splitlines()[-1])  # warnings come before
                asked = requests.get(f"{url}/_sandbox/received", timeout=10).json()["shop"]["requests"]
            print(f"{name:52} {rows:8} {seconds:8.1f} {rows / seconds:9.0f} {asked:9} {megabytes:5}", flush=True)


@contextmanager
def shop(kind: str, orders: int, faults: tuple[str, ...]) -> Iterator[str]:
    """A shop in a process of its own."""
    program = Path(sys.executable).with_name("conversions")
    options = [part for fault in faults for part in ("--shop-fault", fault)]
    command = [str(program), "sandbox", "--port", "0", "--shop", kind, "--shop-orders", str(orders), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().split()[-1]
        finally:
            running.terminate()


def read_orders(kind: str, url: str) -> None:
    """Read all orders of the shop at *url*; print seconds, rows and the peak of memory in MB."""
    from conversions.intake.sources import open_source
    from conversions.model.conversion import Window

    zone, now = ZoneInfo("Europe/Copenhagen"), datetime.now(UTC)
    source = open_source(settings(kind, url), zone=zone, resolve=Path, clock=lambda: datetime.now(UTC), key=b"k" * 32)
    began = time.monotonic()
    window = Window(now.date() - timedelta(days=8), now.date())
    rows = sum(len(chunk) for chunk in source.chunks(window))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([time.monotonic() - began, rows, peak]))


def settings(kind: str, url: str) -> "AnySourceSettings":
    """The settings that read the shop at *url*."""
    from conversions.settings import ShopifySource, WooCommerceSource

    if kind == "shopify":
        given = {"client_id": "sandbox-client", "client_secret": "shpss_sandbox", "completed": ["paid"]}
        return ShopifySource.model_validate({"kind": kind, "shop": "a.myshopify.com", "endpoint": url, **given})
    given = {"consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox", "completed": ["completed", "processing"]}
    return WooCommerceSource.model_validate({"kind": kind, "url": url, **given})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read_orders(*sys.argv[2:4])
    else:
        main([int(size) for size in sys.argv[1:]])
