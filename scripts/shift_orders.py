"""Move the days of a CSV of orders so that the last one is yesterday in the shop's zone: SOURCE TARGET."""

import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

source, target = sys.argv[1:]
yesterday = datetime.now(ZoneInfo("Europe/Copenhagen")).date() - timedelta(days=1)

orders = pd.read_csv(source, dtype=str, keep_default_na=False)
days = pd.to_datetime(orders["purchased_at"].str[:10])
moved = days + (pd.Timestamp(yesterday) - days.max())
orders["purchased_at"] = moved.dt.strftime("%Y-%m-%d") + orders["purchased_at"].str[10:]
orders.to_csv(target, index=False)
