"""Ed25519 signature verification after RFC 8032, section 5.1, in plain Python. It handles public data only.

It uses the equation without cofactor, [S]B - [k]A = R, and compares R byte by byte, as OpenSSL does. It is stricter
than the RFC with keys: a key must lie in the subgroup of prime order, so that no small-order part makes a signature
valid for several messages. Then R lies there, too; the neutral element as R is refused.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
"""Order of the subgroup that the base point generates."""
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
SIZE = 32
"""Bytes of a key, and of either half of a signature."""

Point = tuple[int, int, int, int]
"""Extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z (RFC 8032, 5.1.4)."""
NEUTRAL: Point = (0, 1, 1, 0)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether *signature* (64 bytes) is one of *message* under the key *public* (32 bytes)."""
    multiples, r, s = multiples_of_key(public), signature[:SIZE], int.from_bytes(signature[SIZE:], "little")
    if multiples is None or len(signature) != 2 * SIZE or s >= L or r == encode(NEUTRAL):
        return False
    k = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    return encode(add(multiply(BASE_MULTIPLES, s), multiply(multiples, L - k))) == r


def is_safe_key(public: bytes) -> bool:
    """Whether *public* is the one encoding of a point of prime order."""
    return multiples_of_key(public) is not None


@lru_cache(maxsize=64)
def multiples_of_key(public: bytes) -> list[list[Point]] | None:
    """The multiples of a key for ``multiply``; None where the key is not safe."""
    point = decode(public)
    if point is None or equal(point, NEUTRAL):
        return None
    multiples = multiples_of(point)
    return multiples if equal(multiply(multiples, L), NEUTRAL) else None


def decode(encoded: bytes) -> Point | None:
    """The point with this encoding (RFC 8032, 5.1.3); None where there is none, or another encoding is its own."""
    if len(encoded) != SIZE:
        return None
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    u, v = y * y - 1, D * y * y + 1
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if (v * x * x + u) % P == 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (v * x * x - u) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def encode(point: Point) -> bytes:
    """The 32 bytes of a point (RFC 8032, 5.1.2)."""
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(SIZE, "little")


def add(one: Point, other: Point) -> Point:
    """The sum of two points, also of equal ones (RFC 8032, 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * D * one[3] * other[3] % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def equal(one: Point, other: Point) -> bool:
    """Whether two points are the same."""
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def multiples_of(point: Point) -> list[list[Point]]:
    """For each of 64 hexadecimal digits, lowest first, 0 to 15 times the point at that digit."""
    rows = []
    for _ in range(64):
        row = [NEUTRAL]
        for _ in range(15):
            row.append(add(row[-1], point))
        rows.append(row)
        point = add(row[-1], point)
    return rows


def multiply(multiples: list[list[Point]], scalar: int) -> Point:
    """*scalar*, of at most 256 bits, times the point of these multiples: one addition for each hexadecimal digit."""
    total = NEUTRAL
    for row in multiples:
        total = add(total, row[scalar & 15])
        scalar >>= 4
    return total


BASE_MULTIPLES = multiples_of(decode((4 * pow(5, -1, P) % P).to_bytes(SIZE, "little")) or NEUTRAL)
