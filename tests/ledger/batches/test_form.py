"""Leaf values, by their definition: HMAC-SHA256 under salts, with the standard library's own digests only."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.ledger.batches.form import (
    Form,
    bytes_commitment,
    bytes_salt,
    erased_salts,
    erased_value,
    leaf_value,
    link,
    link_commitment,
    link_salt,
)
from conversions.model.conversion import Money

ROOM = {Form.BYTES: 64, Form.LINKED: 32, Form.SEEDED: 16}
SALTS = {form: st.binary(min_size=size, max_size=size) for form, size in ROOM.items()}


def by_definition(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 as RFC 2104 writes it, for keys of up to 64 bytes."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


@given(SALTS[Form.LINKED], st.binary(), st.binary())
def test_a_leaf_value_joins_the_commitments_to_bytes_and_link(salts: bytes, body: bytes, linked: bytes) -> None:
    ours = by_definition(salts[:16], body), by_definition(salts[16:], linked)

    assert leaf_value(Form.LINKED, salts, body, linked) == hashlib.sha256(b"".join(ours)).digest()
    assert bytes_commitment(Form.LINKED, salts, body) == ours[0]
    assert link_commitment(Form.LINKED, salts, linked) == ours[1]


@given(SALTS[Form.SEEDED], st.binary(), st.binary())
def test_both_salts_are_made_of_one_seed(seed: bytes, body: bytes, linked: bytes) -> None:
    ours = (
        by_definition(hashlib.sha256(seed + b"bytes").digest()[:16], body),
        by_definition(hashlib.sha256(seed + b"link").digest()[:16], linked),
    )

    assert leaf_value(Form.SEEDED, seed, body, linked) == hashlib.sha256(b"".join(ours)).digest()
    assert bytes_commitment(Form.SEEDED, seed, body) == ours[0]
    assert link_commitment(Form.SEEDED, seed, linked) == ours[1]


@pytest.mark.parametrize("form", Form)
@given(data=st.data(), body=st.binary(), linked=st.binary())
def test_the_salt_of_the_bytes_opens_them_and_tells_nothing_of_the_link(
    form: Form, data: st.DataObject, body: bytes, linked: bytes
) -> None:
    kept = data.draw(SALTS[form])

    assert by_definition(bytes_salt(form, kept), body) == bytes_commitment(form, kept, body)
    assert by_definition(link_salt(form, kept), linked) == link_commitment(form, kept, linked)
    assert link_salt(form, kept) not in bytes_salt(form, kept) or len({*kept}) < len(kept)


@given(SALTS[Form.BYTES], st.binary(), st.binary())
def test_the_leaf_value_of_an_older_event_is_that_of_its_bytes_alone(salts: bytes, body: bytes, linked: bytes) -> None:
    assert leaf_value(Form.BYTES, salts, body, linked) == by_definition(salts[:32], body)
    assert link_commitment(Form.BYTES, salts, linked) == by_definition(salts[32:48], linked)


@pytest.mark.parametrize("form", Form)
@given(data=st.data(), body=st.binary(), linked=st.binary())
def test_an_erased_event_keeps_its_leaf_value_in_the_room_of_its_salts(
    form: Form, data: st.DataObject, body: bytes, linked: bytes
) -> None:
    salts = data.draw(SALTS[form])

    left = erased_salts(form, salts, body, linked)

    assert len(left) == form.room(erased=True)
    assert erased_value(form, left) == leaf_value(form, salts, body, linked)


def test_a_link_is_number_keyed_person_day_and_value() -> None:
    found = link("A-1", b"\x00\xffsixteen bytes.", "2026-11-21", Money(4990, "DKK", 2))

    assert json.loads(found) == ["A-1", b"\x00\xffsixteen bytes.".hex(), "2026-11-21", 4990, "DKK", 2]
