"""What a sandbox has received: URL."""

import sys

import requests

received = requests.get(f"{sys.argv[1]}/_sandbox/received", timeout=10).json()
for name in ("google", "meta"):
    side = received[name]
    value = ", ".join(f"{amount} {currency}" for currency, amount in side["value"].items())
    print(f"{name}: {side['requests']} requests, {side['events']} events, {side['distinct']} distinct, {value}")
