"""The orders of the shop. The n-th is always the same; what real shops have is among them at about its real share."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

SITE_ZONE = ZoneInfo("America/Sao_Paulo")
"""Of the site in the documentation; not UTC, so that a client which forgets UTC loses orders."""
FIRST_ID, ID_STEP = 727, 3
"""WordPress numbers posts and attachments with the same counter, so that orders' ids have gaps."""
FINISHED_AFTER = timedelta(hours=1)
CONSENT_META = "_ad_consent"
CENT = Decimal("0.01")

Json = dict[str, Any]


def _refund(order: Json, total: str, refund_id: int = 900_000) -> None:
    order["refunds"] = [*order["refunds"], {"id": refund_id, "reason": "", "total": total}]


def _refund_all(order: Json) -> None:
    _refund(order, f"-{order['total']}")
    order["status"] = "refunded"


def _unpaid(order: Json) -> None:
    order |= {"status": "processing", "payment_method": "cod", "date_paid": None, "date_paid_gmt": None}
    order |= {"date_completed": None, "date_completed_gmt": None}


def _processing(order: Json) -> None:
    order |= {"status": "processing", "date_completed": None, "date_completed_gmt": None}


def _draft(order: Json) -> None:
    dates = [name for name in order if name.startswith("date_")]
    order |= {"status": "checkout-draft", **dict.fromkeys(dates)}


def _bundle(order: Json) -> None:
    order["line_items"][1]["bundled_by"] = str(order["line_items"][0]["id"])


def _odd_line(order: Json) -> None:
    order["line_items"][0] |= {"sku": 4711, "quantity": 1.5}


def _lines_as_object(order: Json) -> None:
    order["line_items"] = {str(line["id"]): line for line in order["line_items"]}


_TRAITS: tuple[tuple[int, int, Callable[[Json], object]], ...] = (
    (10, 3, _processing),
    (20, 6, _unpaid),
    (25, 11, lambda order: _refund(order, "-10.00")),
    (50, 13, _refund_all),
    (33, 17, lambda order: order["billing"].update(email="")),
    (40, 12, lambda order: order.update(created_via="subscription")),
    (60, 29, lambda order: order.update(status="cancelled")),
    (70, 23, lambda order: order.update(billing=[])),
    (80, 37, _bundle),
    (90, 41, _odd_line),
    (90, 43, lambda order: _refund(order, "-0.00", 0)),
    (120, 47, _draft),
    (120, 53, lambda order: order.update(number=f"{order['id'] // 14}AQ")),
    (120, 59, lambda order: order.update(total=float(order["total"]))),
    (120, 61, lambda order: order.update(line_items=[])),
    (120, 67, lambda order: order["billing"].update(email="no-domain")),
    (70, 31, _lines_as_object),
)
"""One order in so many, from which on, and what is special about it."""


@dataclass(slots=True)
class Orders:
    """So many orders, spread evenly over the days before *now*; the last is three hours old."""

    count: int
    now: datetime
    """UTC."""
    days: int
    _template: Json = field(init=False)
    _start: datetime = field(init=False)

    def __post_init__(self) -> None:
        text = files("conversions.sandbox.woocommerce").joinpath("order.json").read_text(encoding="utf-8")
        self._template = json.loads(text)
        self._start = self.now.replace(microsecond=0, tzinfo=None) - timedelta(days=self.days, hours=3)

    def created(self, nth: int) -> datetime:
        """When the n-th order was created, from 0; UTC without offset, whole seconds."""
        at = self._start + timedelta(days=self.days) * nth / max(self.count, 1)
        return at.replace(microsecond=0)

    def changed(self, nth: int) -> datetime:
        """When the n-th order changed for the last time; it rises with *nth*."""
        return self.created(nth) + FINISHED_AFTER

    def order(self, nth: int) -> Json:
        """Return the n-th order as the API writes it with two decimals."""
        order: Json = json.loads(json.dumps(self._template))
        cents = 995 + nth * 7919 % 90_000
        order |= {"id": FIRST_ID + ID_STEP * nth, "number": str(FIRST_ID + ID_STEP * nth)}
        order |= {"total": str(cents * CENT), "currency": "DKK", "status": "completed"}
        order["billing"]["email"] = f"buyer{nth}@example.com"
        order["meta_data"].extend(_consent(nth))
        created, changed = self.created(nth), self.changed(nth)
        set_time(order, "created", created)
        set_time(order, "paid", created + timedelta(minutes=2))
        set_time(order, "completed", changed)
        set_time(order, "modified", changed)
        for every, first, change in _TRAITS:
            if nth % every == first:
                change(order)
        return order


def set_time(order: Json, name: str, at: datetime) -> None:
    """Set a date in both forms: on the site's clock, and in UTC."""
    local = at.replace(tzinfo=ZoneInfo("UTC")).astimezone(SITE_ZONE).replace(tzinfo=None)
    order[f"date_{name}"], order[f"date_{name}_gmt"] = local.isoformat(), at.isoformat()


def _consent(nth: int) -> list[Json]:
    """Seven of ten visitors agree, two refuse, one was never asked."""
    if nth % 10 == 9:
        return []
    return [{"id": 20_000 + nth, "key": CONSENT_META, "value": "granted" if nth % 10 < 7 else "denied"}]
