"""The commitment to a judgement, whose root a leaf of the log has."""

import hmac

import orjson

SALT_BYTES = 16
"""Random bytes of each judgement: without them its commitment reveals nothing about it."""


def commitment(salt: bytes, facts: tuple[object, ...]) -> bytes:
    """HMAC-SHA256 under *salt* of the judgement's *facts*: number, order number and what the row says.

    The sequence of *facts*: id, order_no, destination, from_state, from_reason, to_state, to_reason, rules,
    policy_version, run, at_us.
    """
    return hmac.digest(salt, orjson.dumps(facts), "sha256")
