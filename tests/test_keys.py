import hmac
import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions import keys

KEY = bytes(range(32))
WIRE_KEY = keys.derive(KEY, keys.WIRE_ID_SCHEME)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLACES = st.tuples(TEXTS, TEXTS, TEXTS, TEXTS)


def named(shop: str, kind: str, target: str, number: str) -> str:
    return keys.wire_ids(WIRE_KEY, shop, kind, target)(number)


def test_derivation_is_hkdf_sha256_as_in_rfc_5869() -> None:
    assert keys.derive(b"\x0b" * 22, "").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


def test_mac_is_hmac_sha256_as_in_rfc_4231() -> None:
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert keys.mac(b"Jefe", b"what do ya want for nothing?").hex() == expected


@pytest.mark.parametrize(
    ("purpose", "derived"),
    [
        ("wire-id/1", "50e4c4a4af2c0c7946e021117c0786bb329e871742caae2b6dacc0cfe77e0156"),
        ("subject/1", "17641210f6f001f73c75d76e61c311f411a186c92b2ff818aa36cce52f9c4da4"),
        ("fingerprint/1", "90cb5d6c91ec6cd0a208e2e55193be236efaeadc245f9c1ae9a20b8957164291"),
    ],
)
def test_derived_keys_are_frozen(purpose: str, derived: str) -> None:
    assert keys.derive(KEY, purpose).hex() == derived


def test_check_value_is_frozen_and_tells_keys_apart() -> None:
    assert keys.check_value(KEY) == "f62cffa095892617"
    assert keys.check_value(KEY[::-1]) != keys.check_value(KEY)


@pytest.mark.parametrize(
    ("shop", "kind", "target", "number", "wire_id"),
    [
        ("main", "google", "1234567890/987654321", "100045", "c-74bbd5a2216f6fa6c2ba92a06f738642"),
        ("main", "meta", "555000111222", "100045", "c-e6582e8fbccf468c39a101984eecc340"),
        ("main", "meta", "555000111222", "100046", "c-8cf18bdb7cb9e5c6d2c67d31b5c71d39"),
        ("dk", "meta", "555000111222", "100045", "c-face34e87bb78bb15355263ced9116e4"),
        ("Købmand", "google", "1/2", "Ø-7", "c-c44ade8a03e1d94ce3108cdd3676b121"),
    ],
)
def test_wire_ids_are_frozen_for_ever(shop: str, kind: str, target: str, number: str, wire_id: str) -> None:
    assert named(shop, kind, target, number) == wire_id


@given(PLACES)
def test_wire_id_is_the_start_of_an_hmac_over_parts_that_each_follow_their_length(place: tuple[str, ...]) -> None:
    message = b""
    for part in place:
        message += len(part.encode()).to_bytes(4, "big") + part.encode()

    assert named(*place) == "c-" + hmac.new(WIRE_KEY, message, sha256).hexdigest()[:32]


@given(PLACES, PLACES)
def test_another_place_is_another_wire_id(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (named(*one) == named(*other)) == (one == other)


def test_letters_that_move_to_the_next_part_make_another_wire_id() -> None:
    assert named("a", "bc", "", "1") != named("ab", "c", "", "1")


@given(PLACES)
def test_wire_id_fits_both_platforms(place: tuple[str, ...]) -> None:
    assert re.fullmatch(r"c-[0-9a-f]{32}", named(*place))


def test_wire_id_repeats_in_one_process() -> None:
    wire_id = keys.wire_ids(WIRE_KEY, "main", "meta", "5")

    assert {wire_id("1"), wire_id("1"), named("main", "meta", "5", "1")} == {wire_id("1")}
