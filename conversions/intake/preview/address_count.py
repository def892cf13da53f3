"""How often each address is in the orders, by a digest under a random key that ends with the reading."""

from collections import Counter
from enum import StrEnum
from secrets import token_bytes

from conversions.intake.identity import identify
from conversions.model.conversion import Reason

MAX_ADDRESSES = 250_000
"""Orders whose addresses are counted; the limit keeps memory flat."""


class AddressState(StrEnum):
    """All that a preview tells about an address by itself."""

    OK = "ok"
    EMPTY = "empty"
    DIGEST = "digest"
    """It is a digest already."""
    NO_ADDRESS = "no_address"


_STATES = {Reason.NO_EMAIL: AddressState.EMPTY, Reason.ALREADY_A_DIGEST: AddressState.DIGEST}


class AddressCount:
    """Counts addresses without keeping one."""

    def __init__(self) -> None:
        self._key = token_bytes(32)
        self._orders: Counter[bytes] = Counter()
        self._seen: set[int] = set()
        self.states: Counter[AddressState] = Counter()

    def add(self, address: str, number: str) -> tuple[AddressState, bytes | None]:
        """Count the address of an order, once for its *number*; return its state, and the digest for ``orders``."""
        identity = identify(address, self._key)
        if isinstance(identity, Reason):
            return self._unusable(_STATES.get(identity, AddressState.NO_ADDRESS))
        if not identity.digests:
            return self._unusable(AddressState.NO_ADDRESS)
        self.states[AddressState.OK] += 1
        if (seen := hash((identity.subject, number))) not in self._seen and len(self._seen) < MAX_ADDRESSES:
            self._seen.add(seen)
            self._orders[identity.subject] += 1
        return AddressState.OK, identity.subject

    def _unusable(self, state: AddressState) -> tuple[AddressState, None]:
        self.states[state] += 1
        return state, None

    def orders(self, digest: bytes | None) -> int:
        """Return the number of orders with this address."""
        return self._orders[digest] if digest is not None else 0

    @property
    def most(self) -> int:
        """The orders of the address with most orders."""
        return max(self._orders.values(), default=0)
