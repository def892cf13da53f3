"""Print the totals of the events that a sandbox received. Argument: its URL."""

import sys

import requests

received = requests.get(f"{sys.argv[1]}/_sandbox/received", timeout=10).json()
for name in ("google", "meta"):
    totals = received[name]
    value = ", ".join(f"{amount} {currency}" for currency, amount in totals["value"].items())
    print(f"{name}: {totals['requests']} requests, {totals['events']} events, {totals['distinct']} distinct, {value}")
