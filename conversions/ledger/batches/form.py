"""Commitments to events: what the log has instead of an event and its link, and which random salts they need.

An event's leaf value is SHA-256(bytes commitment ‖ link commitment): its bytes can be shown without the link, which
says whose order it is. Each commitment is an HMAC-SHA256 under a salt of its own (RFC 2104), which is random or made of
a random seed of the event, so that an erased event cannot be guessed.
"""

import hmac
from enum import IntEnum
from hashlib import sha256

import orjson

from conversions.model.conversion import Money

SALT_BYTES = 16
"""Bytes of each salt, and of the seed that two of them are made of."""
OLD_SALT_BYTES = 32
"""Random bytes of each commitment to bytes, in batches from before schema 0007."""
_BYTES, _LINK = b"bytes", b"link"


class Form(IntEnum):
    """How an event is committed to, and what the store keeps for it; a batch has one form."""

    BYTES = 1
    """Before schema 0007: a salt of 32 bytes, the leaf value is the HMAC of the bytes alone; a link salt of 16 bytes,
    bound since the upgrade."""
    LINKED = 2
    """Before schema 0010: a salt of 16 bytes for the bytes, and one for the link."""
    SEEDED = 3
    """One random seed of 16 bytes, of which both salts are made: neither tells the other."""

    def room(self, *, erased: bool) -> int:
        """Bytes that the store keeps of one event beside its contents; of an erased one they are its commitments."""
        if self is Form.BYTES:
            return 2 * sha256().digest_size
        return SALT_BYTES if self is Form.SEEDED and not erased else sha256().digest_size


def link(order_no: str, subject: bytes, day: str, value: Money) -> bytes:
    """Return what ties an event to an order: number, keyed person, day of purchase in the shop's zone, value."""
    return orjson.dumps([order_no, subject.hex(), day, *value])


def bytes_salt(form: Form, kept: bytes) -> bytes:
    """Return the salt of the commitment to the bytes, of what the store keeps for the event."""
    match form:
        case Form.BYTES:
            return kept[:OLD_SALT_BYTES]
        case Form.LINKED:
            return kept[:SALT_BYTES]
        case Form.SEEDED:
            return _derive(kept, _BYTES)


def link_salt(form: Form, kept: bytes) -> bytes:
    """Return the salt of the commitment to the link."""
    match form:
        case Form.BYTES:
            return kept[OLD_SALT_BYTES : OLD_SALT_BYTES + SALT_BYTES]
        case Form.LINKED:
            return kept[SALT_BYTES:]
        case Form.SEEDED:
            return _derive(kept, _LINK)


def leaf_value(form: Form, kept: bytes, content: bytes, linked: bytes) -> bytes:
    """Return the leaf value of an event with the bytes *content* and the link *linked*, under its salts."""
    if form is Form.BYTES:
        return bytes_commitment(form, kept, content)
    return sha256(bytes_commitment(form, kept, content) + link_commitment(form, kept, linked)).digest()


def bytes_commitment(form: Form, kept: bytes, content: bytes) -> bytes:
    """Return the commitment to the bytes alone."""
    return hmac.digest(bytes_salt(form, kept), content, "sha256")


def link_commitment(form: Form, kept: bytes, linked: bytes) -> bytes:
    """Return the commitment to the link alone."""
    return hmac.digest(link_salt(form, kept), linked, "sha256")


def erased_salts(form: Form, kept: bytes, content: bytes, linked: bytes) -> bytes:
    """Return what stands in the place of the salts after erasure: commitments, which reveal nothing."""
    if form is Form.BYTES:
        return bytes_commitment(form, kept, content) + link_commitment(form, kept, linked)
    return leaf_value(form, kept, content, linked)


def erased_value(form: Form, kept: bytes) -> bytes:
    """Return the leaf value of an erased event."""
    return kept[: sha256().digest_size] if form is Form.BYTES else kept


def erased_link(form: Form, kept: bytes) -> bytes:
    """Return the link commitment of an erased event. A batch of the other forms keeps it inside the leaf value only."""
    if form is not Form.BYTES:
        raise ValueError("the link commitment is part of the leaf value")
    return kept[sha256().digest_size :]


def _derive(seed: bytes, purpose: bytes) -> bytes:
    """Return the salt for one *purpose*. SHA-256 is one-way: with one salt nobody finds the seed, or the other."""
    return sha256(seed + purpose).digest()[:SALT_BYTES]
