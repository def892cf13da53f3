"""A shop's books, kept by hand: what the files hold, and what should be said of it."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import strategies as st

from tests.e2e.said import DOMAIN, Json
from tests.e2e.sales import digest
from tests.e2e.shop import Row, Shop
from tests.e2e.texts import export

REASONED = ("withheld", "quarantined")


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of order, and where it ends at both platforms."""

    change: Row
    bucket: str
    reason: str | None = None


KINDS = {
    "good": Kind({}, "sent"),
    "of several products": Kind({"product_ids": "SKU-{0}|SKU-2|SKU-{0}"}, "sent"),
    "poisoned": Kind({"product_ids": "BAD-APPLE-{0}"}, "quarantined", "refused_by_platform"),
    "named product": Kind({"product_ids": "Rød kjole"}, "quarantined", "bad_product_id"),
    "no product": Kind({"product_ids": ""}, "quarantined", "no_product"),
    "no currency": Kind({"currency": "KRONER"}, "quarantined", "unknown_currency"),
    "unknown_currency": Kind({"currency": "ABC"}, "quarantined", "unknown_currency"),
    "half an øre": Kind({"total": "10.0005", "currency": "DKK"}, "quarantined", "too_many_decimals"),
    "free": Kind({"total": "0"}, "withheld", "amount_not_above_zero"),
    "paid back": Kind({"total": "5", "refunded": "7.50"}, "withheld", "amount_not_above_zero"),
    "cancelled": Kind({"status": "cancelled"}, "withheld", "not_completed"),
    "nobody's": Kind({"billing_email": ""}, "withheld", "no_email"),
    "a digest's": Kind({"billing_email": digest("x")}, "withheld", "already_a_digest"),
    "denied": Kind({"ads_consent": "nej"}, "withheld", "consent_denied"),
    "objected": Kind({"billing_email": f"bo@{DOMAIN}"}, "withheld", "objection"),
    "today's": Kind({"purchased_at": "2026-11-22 05:00"}, "deferred"),
    "long ago": Kind({"purchased_at": "2026-01-01 12:00"}, "outside_window"),
}
NO_ORDERS: tuple[Row, ...] = (
    {"order_id": ""},
    {"order_id": f"ida@{DOMAIN}"},
    {"total": "1,5,0"},
    {"total": "free"},
    {"purchased_at": "yesterday"},
    {"refunded": "1e3"},
)
TROUBLE = ("", "lost", "expired-token", "503", "no-request-id:meta", "429:googlex2=0", "lost:googlex1", "quota-per-day")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One order as the files show it."""

    kind: str
    total: Decimal
    currency: str
    copies: int
    """In files of one night or two."""
    first_night: bool
    conflict: bool
    """The number comes again with another address."""


money = st.decimals("0.01", "99999.99", places=2)
sightings = st.builds(
    Sighting,
    st.sampled_from(["good", "good", "good", *KINDS]),
    money,
    st.sampled_from(["DKK", "EUR", "SEK"]),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
)


class Books:
    """What the files hold, and what should be said of it."""

    def __init__(self, shop: Shop, seen: list[Sighting], spoilt: list[Row]) -> None:
        self.shop, self.seen = shop, seen
        self.files: dict[str, list[Row]] = defaultdict(list)
        numbers = count(1001)
        for sighting in seen:
            self._add(sighting, str(next(numbers)))
        self.files["second"] += [shop.order(**{"order_id": str(next(numbers))} | change) for change in spoilt]
        self.rows = sum(map(len, self.files.values()))
        self.spoilt = len(spoilt)

    def _add(self, sighting: Sighting, number: str) -> None:
        row = self._row(sighting, number)
        first = "first" if sighting.first_night else "second"
        self.files[first].append(row)
        if sighting.conflict:
            self.files[first].append(row | {"billing_email": f"someone.else@{DOMAIN}"})
        for nth in range(1, sighting.copies):
            self.files["second" if nth % 2 else first].append(dict(row))

    def _row(self, sighting: Sighting, number: str) -> Row:
        said = {"total": f"{sighting.total}", "currency": sighting.currency, "product_ids": "SKU-{0}"}
        told = said | KINDS[sighting.kind].change  # a product each: of one, a hundred times as much is held back
        return self.shop.order(number, **told | {"product_ids": told["product_ids"].format(number)})

    def write(self, *names: str) -> None:
        for hours, name in enumerate(names, start=2):
            content = export(self.shop.order(), self.files[name]) + b"\n" * hours  # no file is a copy of another one
            self.shop.file(content, f"{name}.csv", 10 - hours)

    @property
    def source(self) -> Json:
        """The left side, counted by hand."""
        inside = [s for s in self.seen if s.kind != "long ago"]
        orders = [s for s in inside if not s.conflict]
        return {
            "rows": self.rows,
            "without_sku": 0,
            "orders": len(orders),
            "repeated": sum(s.copies - 1 for s in orders),
            "outside_window": sum(s.copies + s.conflict for s in self.seen if s.kind == "long ago"),
            "quarantined": self.spoilt + sum(s.copies + 1 for s in inside if s.conflict),
        }

    def counts(self, bucket: str) -> Any:
        """The right side: so many orders, by reason where there is one."""
        kinds = [KINDS[s.kind] for s in self.seen if not s.conflict]
        here = [kind for kind in kinds if kind.bucket == bucket]
        return dict(Counter(kind.reason for kind in here)) if bucket in REASONED else len(here)

    def values(self, bucket: str | None = None) -> dict[str, Decimal]:
        """What the orders of a bucket are worth, by currency; without bucket all that are read."""
        totals: dict[str, Decimal] = defaultdict(Decimal)
        for sighting in self.seen:
            kind = KINDS[sighting.kind]
            if not sighting.conflict and kind.bucket != "outside_window" and bucket in (None, kind.bucket):
                row = self._row(sighting, "0")
                currency = row["currency"] if len(row["currency"]) == 3 else "XXX"
                totals[currency] += Decimal(row["total"]) - Decimal(row["refunded"] or 0)
        return dict(totals)
