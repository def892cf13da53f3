"""Move the days of a CSV of orders so that the last one is yesterday in the shop's zone. Arguments: SOURCE TARGET.

A date without a time becomes noon: Google takes no purchase of the last six hours, and a demo may run after midnight.
"""

import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

source, target = sys.argv[1:]
yesterday = datetime.now(ZoneInfo("Europe/Copenhagen")).date() - timedelta(days=1)

orders = pd.read_csv(source, dtype=str, keep_default_na=False)
days = pd.to_datetime(orders["purchased_at"].str[:10])
moved = days + (pd.Timestamp(yesterday) - days.max())
orders["purchased_at"] = moved.dt.strftime("%Y-%m-%d") + orders["purchased_at"].str[10:].replace("", "T12:00:00")
orders.to_csv(target, index=False)
