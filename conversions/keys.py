"""One secret key, many purposes: nothing derived here says anything about the key or about another purpose."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hmac import HMAC

WIRE_ID_SCHEME = "wire-id/1"
"""Names how wire ids are made. It is stored with each of them, and the scheme behind a name never changes."""

LOG_KEY = "log-key/1"
"""The purpose of the key that signs the log's checkpoints, where it has none of its own."""


def derive(key: bytes, purpose: str) -> bytes:
    """The key for one purpose: 32 bytes, HKDF-SHA256 (RFC 5869) without salt, ``info`` = *purpose*."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)


def check_value(key: bytes) -> str:
    """16 hex characters that tell one key from another without giving either away."""
    return derive(key, "check/1")[:8].hex()


def wire_ids(wire_key: bytes, shop: str, kind: str, target: str) -> Callable[[str], str]:
    """What makes of an order's number its id on the wire: stable, never purely digits, silent about the number.

    *wire_key* is ``derive(key, WIRE_ID_SCHEME)``. Another shop, platform, target or number gives another id
    (design 5.4).
    """
    begun = _keyed(wire_key).copy()
    begun.update(b"".join(map(_framed, (shop, kind, target))))

    def wire_id(number: str) -> str:
        made = begun.copy()
        made.update(_framed(number))
        return f"c-{made.finalize()[:16].hex()}"

    return wire_id


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    made = _keyed(key).copy()
    made.update(message)
    return made.finalize()


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> "HMAC":
    """To be copied, which takes half as long as with the standard library's."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC

    return HMAC(key, SHA256())


def _framed(part: str) -> bytes:
    """UTF-8 after its length (4 bytes, big-endian), so that ("a", "bc") is not ("ab", "c")."""
    text = part.encode()
    return len(text).to_bytes(4, "big") + text
