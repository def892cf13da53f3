"""From orders to rows without an address: an e-mail address ends its life here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from secrets import token_bytes

from conversions.intake.convert import Converter
from conversions.intake.identity import Identity, identify, subject
from conversions.intake.order import Order
from conversions.ledger.schema.tables import SALT_BYTES
from conversions.ledger.staging.snapshot import SnapshotBatch
from conversions.ledger.store import microseconds
from conversions.model.conversion import Conversion, EventMaker, Money, Reason, Withheld
from conversions.model.money import AMOUNT_LIMIT, MINOR_UNITS_LIMIT, as_stated, money
from conversions.model.rules import Rules

MOST_PRODUCTS = 8
"""Of one order; more say nothing more of what it costs."""


NO_CURRENCY = "XXX"
"""ISO 4217 for "no currency": stands in accounts for a cell that is none, whatever it says."""


@dataclass(frozen=True, slots=True)
class FormerKeys:
    """Who was put on the list of objections while the store had another key."""

    subject_keys: tuple[bytes, ...]
    listed: Mapping[bytes, Reason]
    """Subjects under any key, and what their orders are withheld for."""

    def suppression_reason(self, address: str) -> Reason | None:
        """What the order of this buyer is withheld for, if anything."""
        if not self.listed:
            return None
        subjects = (subject(address, key) for key in self.subject_keys)
        return next((self.listed[one] for one in subjects if isinstance(one, bytes) and one in self.listed), None)


class Pseudonymizer:
    """How orders become sightings: an e-mail address ends its life in the call of this."""

    former = FormerKeys((), {})

    def __init__(
        self, rules: Iterable[tuple[Rules, EventMaker]], subject_key: bytes, product_key: bytes, now: datetime
    ) -> None:
        self._subject_key = subject_key
        self._converters = [(Converter(each, now), event) for each, event in rules]
        self.products = _products(product_key)

    def __call__(self, orders: Sequence[Order]) -> SnapshotBatch:
        """The sightings of *orders*, and every destination's draft of each."""
        snapshot: list[tuple[object, ...]] = []
        drafts: list[tuple[object, ...]] = []
        salts = _salts(len(orders) * len(self._converters))
        for order in orders:
            identity = identify(order.email, self._subject_key)
            amount = order.amount - order.refunded
            paid = money(amount, order.currency)
            stated = paid if isinstance(paid, Money) else as_stated(amount, _code(order.currency))
            products, refunded = self.products(order.product_ids), _minor(order.refunded, stated)
            snapshot.append((*_snapshot_row(order, identity, stated), products, refunded))
            against = self.former.suppression_reason(order.email)
            for convert, event in self._converters:
                match Withheld(against) if against else convert(order, identity, paid):
                    case Conversion() as conversion:
                        drafts.append(_sendable(conversion, stated.minor, next(salts), event(conversion)))
                    case Withheld() as withheld:
                        drafts.append(_held_back(withheld, stated.minor))
        return SnapshotBatch(snapshot, drafts)


def _salts(count: int) -> Iterator[bytes]:
    """Fresh random bytes for so many events."""
    drawn = token_bytes(SALT_BYTES * count)
    return (drawn[at : at + SALT_BYTES] for at in range(0, len(drawn), SALT_BYTES))


def _snapshot_row(order: Order, identity: Identity | Reason, stated: Money) -> tuple[object, ...]:
    """A ``SightingRow``, as the plain tuple that travels best between processes; so are the drafts."""
    person = identity.subject if isinstance(identity, Identity) else None
    bought = microseconds(order.purchased_at)
    chosen_by = None if order.window_day == order.purchase_day else order.window_day.isoformat()
    day = order.purchase_day.isoformat()
    what = (order.number, person, bought, day, *order.rank, *stated, chosen_by)
    return (*what, order.completed, order.amount < 0, order.status_word)


def _minor(amount: Decimal, stated: Money) -> int:
    """In the units of *stated*; 0 where the store cannot hold it."""
    minor = int(amount.scaleb(stated.exponent)) if 0 < amount < AMOUNT_LIMIT else 0
    return minor if minor < MINOR_UNITS_LIMIT else 0


def _products(key: bytes) -> Callable[[tuple[str, ...]], bytes]:
    """What tells products apart in the store: 8 bytes of keyed BLAKE2b (RFC 7693) for each of the first eight."""
    keyed = blake2b(digest_size=8, key=key, person=b"product/1")

    @lru_cache(maxsize=10_000)
    def digests(product_ids: tuple[str, ...]) -> bytes:
        return b"".join(sorted({_digest(keyed.copy(), one) for one in product_ids[:MOST_PRODUCTS]}))

    return digests


def _digest(keyed: blake2b, text: str) -> bytes:
    keyed.update(text.encode("utf-8", "surrogatepass"))
    return keyed.digest()


def _sendable(conversion: Conversion, due: int, salt: bytes, event: bytes) -> tuple[object, ...]:
    """The ``DraftRow`` of an order that may leave."""
    found = conversion
    return (None, 0, due, found.fingerprint, found.wire_id, found.ready_at, found.expires_at, salt, event)


def _held_back(withheld: Withheld, stated: int) -> tuple[object, ...]:
    """The ``DraftRow`` of an order that may not; of one that is not completed or fully refunded nothing is due."""
    nothing = withheld.reason in {Reason.NOT_COMPLETED, Reason.AMOUNT_NOT_ABOVE_ZERO}
    due = 0 if nothing else stated
    return (str(withheld.reason), int(withheld.quarantined), due, None, None, None, None, None, None)


def _code(currency: str) -> str:
    return currency if len(currency) == 3 and currency.isascii() and currency.isalpha() else NO_CURRENCY
