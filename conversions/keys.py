"""Keys for each purpose, derived from one secret key: a derived key reveals neither the secret key nor another one."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hmac import HMAC

WIRE_ID_SCHEME = "wire-id/1"
"""The name of the scheme that makes wire ids. The store keeps it with each id; the scheme of a name never changes."""

LOG_KEY = "log-key/1"
"""The purpose of the key that signs the log's checkpoints, unless the settings name a separate key."""


def derive(key: bytes, purpose: str) -> bytes:
    """Return the key for one purpose: 32 bytes, HKDF-SHA256 (RFC 5869) without salt, ``info`` = *purpose*."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)


def check_value(key: bytes) -> str:
    """Return 16 hex characters that identify a key without revealing it."""
    return derive(key, "check/1")[:8].hex()


def wire_ids(wire_key: bytes, shop: str, kind: str, target: str) -> Callable[[str], str]:
    """Return the function that turns an order number into its wire id.

    A wire id is stable, never purely digits, and does not reveal the order number. Another shop, platform, target or
    number gives another id. *wire_key* is ``derive(key, WIRE_ID_SCHEME)``.
    """
    target_hmac = _hmac(wire_key).copy()
    target_hmac.update(b"".join(map(_with_length, (shop, kind, target))))

    def wire_id(number: str) -> str:
        number_hmac = target_hmac.copy()
        number_hmac.update(_with_length(number))
        return f"c-{number_hmac.finalize()[:16].hex()}"

    return wire_id


def mac(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256, 32 bytes."""
    hmac = _hmac(key).copy()
    hmac.update(message)
    return hmac.finalize()


@lru_cache(maxsize=64)
def _hmac(key: bytes) -> "HMAC":
    """Callers copy it: a copy takes half as long as one of the standard library."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC

    return HMAC(key, SHA256())


def _with_length(part: str) -> bytes:
    """Return the UTF-8 bytes after their length (4 bytes, big-endian), so that ("a", "bc") differs from ("ab", "c")."""
    text = part.encode()
    return len(text).to_bytes(4, "big") + text
