"""Ed25519 in plain Python, against published vectors and another implementation."""

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from conversions.audit.evidence.verifier import ed25519

VECTORS = Path(__file__).parent / "vectors"
SAFE = ("MixedOrderPublicKey", "SmallOrderPublicKey")
"""Vectors whose key is no point of prime order: some verifiers accept them, this one never does."""
IDENTITY = bytes([1, *bytes(31)])


def vectors(name: str) -> list[dict[str, Any]]:
    tests: list[dict[str, Any]] = orjson.loads((VECTORS / name).read_bytes())["tests"]
    return tests


def verified(test: dict[str, Any]) -> bool:
    return ed25519.verify(*(bytes.fromhex(test[part]) for part in ("public", "message", "signature")))


@pytest.mark.parametrize("test", vectors("rfc8032.json"), ids=lambda test: test["name"])
def test_the_vectors_of_the_rfc_are_signatures(test: dict[str, Any]) -> None:
    assert verified(test)
    assert not verified(test | {"message": test["message"] + "00"})


def test_the_vectors_of_wycheproof_are_judged_as_they_say() -> None:
    judged = {test["id"]: (test["result"] == "valid", verified(test)) for test in vectors("wycheproof_ed25519.json")}

    assert len(judged) == 210
    assert [number for number, (valid, accepted) in judged.items() if valid != accepted] == []


def test_a_key_that_is_no_point_of_prime_order_is_never_accepted() -> None:
    tests = [test for test in vectors("wycheproof_ed25519.json") if test["flag"] in SAFE]

    assert len(tests) == 30
    assert not any(ed25519.is_safe_key(bytes.fromhex(test["public"])) for test in tests)


def small_order_points() -> list[bytes]:
    """Every encoding of the eight points of small order, also those that are not canonical."""
    p = ed25519.P
    y_of_order_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
    ys = [0, 1, p - 1, p, p + 1, y_of_order_8, p - y_of_order_8]
    return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in (0, 1)]


def test_these_are_the_eight_points_of_small_order() -> None:
    points = [point for each in small_order_points() if (point := ed25519.decode(each))]

    assert len(points) == 8
    assert all(ed25519.equal(ed25519.multiply(ed25519.multiples_of(point), 8), ed25519.NEUTRAL) for point in points)


@pytest.mark.parametrize("public", small_order_points(), ids=bytes.hex)
def test_every_point_of_small_order_is_refused_as_a_key(public: bytes) -> None:
    """Under the neutral element R = S = 0 would sign every message."""
    assert not ed25519.is_safe_key(public)
    assert not ed25519.verify(public, b"any message", IDENTITY + bytes(32))


def test_the_neutral_element_is_refused_as_r() -> None:
    """A signer who draws the nonce 0 gives the key away; S is k * key then."""
    seed = bytes(range(32))
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes_raw()
    from hashlib import sha512

    secret = bytearray(sha512(seed).digest()[:32])
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    k = int.from_bytes(sha512(IDENTITY + public + b"message").digest(), "little") % ed25519.L
    s = k * int.from_bytes(secret, "little") % ed25519.L
    signature = IDENTITY + s.to_bytes(32, "little")

    key.public_key().verify(signature, b"message")
    assert not ed25519.verify(public, b"message", signature)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    assert not ed25519.is_safe_key(bytes(length))
    assert not ed25519.verify(bytes(length), b"", bytes(64))


def test_s_of_the_order_or_more_is_refused() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"message")
    s = int.from_bytes(signature[32:], "little")

    assert ed25519.verify(public, b"message", signature)
    for more in range(1, 16):
        if (again := s + more * ed25519.L) < 2**256:
            assert not ed25519.verify(public, b"message", signature[:32] + again.to_bytes(32, "little"))
    for altered in (signature[:-1], signature + b"\0", b""):
        assert not ed25519.verify(public, b"message", altered)


def test_it_agrees_with_another_implementation() -> None:
    """Random keys and messages, and random alterations of message, signature and key."""
    chance = random.Random(8032)
    disagreed = []
    for _ in range(40):
        key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        message = chance.randbytes(chance.randrange(200))
        whole = [key.public_key().public_bytes_raw(), message, key.sign(message)]
        altered = [_altered(whole, part, chance) for part in (0, 1, 2, 2, 2)]
        disagreed += [case for case in (whole, *altered) if ed25519.verify(*case) != other(*case)]
        assert ed25519.verify(*whole)

    assert disagreed == []


def _altered(whole: list[bytes], part: int, chance: random.Random) -> list[bytes]:
    content = bytearray(whole[part] or b"\0")
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return [*whole[:part], bytes(content), *whole[part + 1 :]]


def other(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
