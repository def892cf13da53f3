"""Pseudonymises orders: turns them into rows without an e-mail address."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b

from conversions.intake.convert import Converter
from conversions.intake.identity import Identity, identify, subject
from conversions.intake.order import Order
from conversions.ledger.staging.snapshot import SnapshotBatch
from conversions.ledger.store import microseconds
from conversions.model.conversion import Conversion, EventMaker, Money, Reason, Withheld
from conversions.model.money import AMOUNT_LIMIT, MINOR_UNITS_LIMIT, as_stated, money
from conversions.model.rules import Rules

MAX_PRODUCTS_PER_ORDER = 8
"""Products of one order that the store keeps; more would not help to judge its amount."""
NO_CURRENCY = "XXX"
"""ISO 4217 code for "no currency": control totals use it in place of a cell that is not a currency code."""


@dataclass(frozen=True, slots=True)
class FormerKeys:
    """Finds buyers on the suppression list who were added while the store had a former key."""

    subject_keys: tuple[bytes, ...]
    listed: Mapping[bytes, Reason]
    """By subject, under any key: why the run withholds the orders."""

    def suppression_reason(self, address: str) -> Reason | None:
        """Return why the run withholds the orders of this buyer, or None."""
        if not self.listed:
            return None
        subjects = (subject(address, key) for key in self.subject_keys)
        return next((self.listed[key] for key in subjects if isinstance(key, bytes) and key in self.listed), None)


class Pseudonymizer:
    """Turns orders into snapshot rows; no e-mail address is in its result."""

    former = FormerKeys((), {})
    excluded: frozenset[bytes] = frozenset()
    """Subjects, under the present key, whose orders are left out."""

    def __init__(
        self, rules: Iterable[tuple[Rules, EventMaker]], subject_key: bytes, product_key: bytes, now: datetime
    ) -> None:
        self._subject_key = subject_key
        self._now = now
        self.products = _products(product_key)
        self.use_rules(rules)

    def use_rules(self, rules: Iterable[tuple[Rules, EventMaker]]) -> None:
        """Convert orders by *rules* from now on: one pair for each destination."""
        self.rules = list(rules)
        self._converters = [(Converter(each, self._now), event) for each, event in self.rules]

    def __call__(self, orders: Sequence[Order]) -> SnapshotBatch:
        """Return the snapshot rows of *orders*, and the draft of each order for every destination."""
        snapshot: list[tuple[object, ...]] = []
        drafts: list[tuple[object, ...]] = []
        for order in orders:
            identity = identify(order.email, self._subject_key)
            amount = order.amount - order.refunded
            paid = money(amount, order.currency)
            stated = paid if isinstance(paid, Money) else as_stated(amount, _code(order.currency))
            products, refunded = self.products(order.product_ids), _minor(order.refunded, stated)
            snapshot.append((*_snapshot_row(order, identity, stated), products, refunded, order.shown_number))
            suppressed = self._excluded(identity) or self.former.suppression_reason(order.email)
            for convert, event in self._converters:
                match Withheld(suppressed) if suppressed else convert(order, identity, paid):
                    case Conversion() as conversion:
                        drafts.append(_draft(conversion, stated.minor, event(conversion)))
                    case Withheld() as withheld:
                        drafts.append(_withheld_draft(withheld, stated.minor))
        return SnapshotBatch(snapshot, drafts)

    def _excluded(self, identity: Identity | Reason) -> Reason | None:
        is_excluded = isinstance(identity, Identity) and identity.subject in self.excluded
        return Reason.EXCLUDED if is_excluded else None


def _snapshot_row(order: Order, identity: Identity | Reason, stated: Money) -> tuple[object, ...]:
    """Return the first fields of an ``OrderRow``. Plain tuples, here and for drafts, are cheap to send to a process."""
    person = identity.subject if isinstance(identity, Identity) else None
    bought = microseconds(order.purchased_at)
    chosen_by = None if order.window_day == order.purchase_day else order.window_day.isoformat()
    day = order.purchase_day.isoformat()
    fields = (order.number, person, bought, day, *order.rank, *stated, chosen_by)
    return (*fields, order.completed, order.amount < 0, order.status_word)


def _minor(amount: Decimal, stated: Money) -> int:
    """Return *amount* in the minor units of *stated*; 0 where the store cannot hold it."""
    minor = int(amount.scaleb(stated.exponent)) if 0 < amount < AMOUNT_LIMIT else 0
    return minor if minor < MINOR_UNITS_LIMIT else 0


def _products(key: bytes) -> Callable[[tuple[str, ...]], bytes]:
    """Return the digest function of product IDs: 8 bytes of keyed BLAKE2b (RFC 7693) for each of the first eight."""
    keyed = blake2b(digest_size=8, key=key, person=b"product/1")

    @lru_cache(maxsize=10_000)
    def digests(product_ids: tuple[str, ...]) -> bytes:
        first_ids = product_ids[:MAX_PRODUCTS_PER_ORDER]
        return b"".join(sorted({_digest(keyed.copy(), product_id) for product_id in first_ids}))

    return digests


def _digest(keyed: blake2b, text: str) -> bytes:
    keyed.update(text.encode("utf-8", "surrogatepass"))
    return keyed.digest()


def _draft(conversion: Conversion, due: int, event: bytes) -> tuple[object, ...]:
    """Return the ``DraftRow`` of an order that may be sent."""
    times = (conversion.ready_at, conversion.expires_at)
    return (None, 0, due, conversion.fingerprint, *times, event)


def _withheld_draft(withheld: Withheld, stated: int) -> tuple[object, ...]:
    """Return the ``DraftRow`` of a withheld order; its target value is 0 if it is not completed or fully refunded."""
    nothing = withheld.reason in {Reason.NOT_COMPLETED, Reason.AMOUNT_NOT_ABOVE_ZERO}
    due = 0 if nothing else stated
    return (str(withheld.reason), int(withheld.quarantined), due, None, None, None, None)


def _code(currency: str) -> str:
    return currency if len(currency) == 3 and currency.isascii() and currency.isalpha() else NO_CURRENCY
