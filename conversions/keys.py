"""One secret key, many purposes: nothing derived here says anything about the key or about another purpose."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hmac import HMAC

WIRE_ID_SCHEME = "wire-id/1"
"""Names how wire ids are made. It is stored with each of them, and the scheme behind a name never changes."""


def derive(key: bytes, purpose: str) -> bytes:
    """The key for one purpose: 32 bytes, HKDF-SHA256 (RFC 5869) without salt, ``info`` = *purpose*."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)


def check_value(key: bytes) -> str:
    """16 hex characters that tell one key from another without giving either away."""
    return derive(key, "check/1")[:8].hex()


def wire_id(wire_key: bytes, shop: str, kind: str, target: str, number: str) -> str:
    """An order's id on the wire: stable, never purely digits, silent about the order number (design 5.4).

    *wire_key* is ``derive(key, WIRE_ID_SCHEME)``. Another shop, platform, target or number gives another id.
    """
    made = _keyed(wire_key, shop, kind, target).copy()
    made.update(_framed(number))
    return f"c-{made.finalize()[:16].hex()}"


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    made = _keyed(key).copy()
    made.update(message)
    return made.finalize()


@lru_cache(maxsize=64)
def _keyed(key: bytes, *parts: str) -> "HMAC":
    """HMAC begun with what all orders share. This one is copied in half the time of the standard library's."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC

    made = HMAC(key, SHA256())
    made.update(b"".join(map(_framed, parts)))
    return made


def _framed(part: str) -> bytes:
    """UTF-8 after its length (4 bytes, big-endian), so that ("a", "bc") is not ("ab", "c")."""
    text = part.encode()
    return len(text).to_bytes(4, "big") + text
