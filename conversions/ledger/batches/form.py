"""Commitments to events: what the log has instead of an event and its link, and which random salts they need.

An event's leaf value is SHA-256(bytes commitment ‖ link commitment): its bytes can be shown without the link, which
says whose order it is. Each commitment is an HMAC-SHA256 under a random salt of its own (RFC 2104), so that an erased
event cannot be guessed.
"""

import hmac
from enum import IntEnum
from hashlib import sha256

import orjson

from conversions.model.conversion import Money

SALT_BYTES = 16
"""Random bytes of each commitment."""
OLD_SALT_BYTES = 32
"""Random bytes of each commitment to bytes, in batches from before schema 0007."""


class Form(IntEnum):
    """How an event is committed to; a batch has one form."""

    BYTES = 1
    """Before schema 0007: a salt of 32 bytes, the leaf value is the HMAC of the bytes alone; a link salt of 16 bytes,
    bound since the upgrade."""
    LINKED = 2
    """A salt of 16 bytes for the bytes, and one for the link."""

    @property
    def room(self) -> int:
        """Bytes of the salts of one event; after erasure they hold its commitments."""
        return 64 if self is Form.BYTES else 32


def link(order_no: str, subject: bytes, day: str, value: Money) -> bytes:
    """Return what ties an event to an order: number, keyed person, day of purchase in the shop's zone, value."""
    return orjson.dumps([order_no, subject.hex(), day, *value])


def leaf_value(form: Form, salts: bytes, content: bytes, linked: bytes) -> bytes:
    """Return the leaf value of an event with these *salts*, whose bytes are *content* and whose link is *linked*."""
    if form is Form.BYTES:
        return bytes_commitment(form, salts, content)
    return sha256(bytes_commitment(form, salts, content) + link_commitment(form, salts, linked)).digest()


def bytes_commitment(form: Form, salts: bytes, content: bytes) -> bytes:
    """Return the commitment to the bytes alone."""
    return hmac.digest(salts[:OLD_SALT_BYTES] if form is Form.BYTES else salts[:SALT_BYTES], content, "sha256")


def link_commitment(form: Form, salts: bytes, linked: bytes) -> bytes:
    """Return the commitment to the link alone."""
    salt = salts[OLD_SALT_BYTES : OLD_SALT_BYTES + SALT_BYTES] if form is Form.BYTES else salts[SALT_BYTES:]
    return hmac.digest(salt, linked, "sha256")


def erased_salts(form: Form, salts: bytes, content: bytes, linked: bytes) -> bytes:
    """Return what stands in the room of the salts after erasure: commitments, which reveal nothing."""
    if form is Form.BYTES:
        return bytes_commitment(form, salts, content) + link_commitment(form, salts, linked)
    return leaf_value(form, salts, content, linked)


def erased_value(form: Form, salts: bytes) -> bytes:
    """Return the leaf value of an erased event."""
    return salts[: sha256().digest_size] if form is Form.BYTES else salts


def erased_link(form: Form, salts: bytes) -> bytes:
    """Return the link commitment of an erased event. A batch of the other form keeps it inside the leaf value only."""
    if form is not Form.BYTES:
        raise ValueError("the link commitment is part of the leaf value")
    return salts[sha256().digest_size :]
