"""Integers of variable length come back as they were, and a cut one is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.ledger.batches import varints

NUMBERS = st.lists(st.integers(0, (1 << 62) - 1))
SIGNED = st.lists(st.integers(-(1 << 62), (1 << 62) - 1))


@given(NUMBERS)
def test_numbers_come_back(numbers: list[int]) -> None:
    assert varints.unpack(varints.pack(numbers)) == numbers


@given(SIGNED)
def test_numbers_below_zero_come_back(numbers: list[int]) -> None:
    assert varints.unpack_signed(varints.pack_signed(numbers)) == numbers


@given(SIGNED)
def test_steps_come_back(numbers: list[int]) -> None:
    assert varints.unpack_steps(varints.pack_steps(numbers)) == numbers


@pytest.mark.parametrize(
    ("number", "packed"),
    [(0, "00"), (2, "02"), (127, "7f"), (128, "8001"), (129, "8101"), (12857, "b964"), (624485, "e58e26")],
)
def test_the_examples_of_the_published_format(number: int, packed: str) -> None:
    """DWARF 5, table 7.7; the last one of the format's description elsewhere."""
    assert varints.pack([number]).hex() == packed


@given(NUMBERS, st.integers(128, (1 << 62) - 1), st.data())
def test_input_that_is_cut_within_a_number_is_refused(before: list[int], last: int, data: st.DataObject) -> None:
    packed, whole = varints.pack(before), varints.pack([last])
    kept = data.draw(st.integers(1, len(whole) - 1))

    with pytest.raises(ValueError, match="cut"):
        varints.unpack(packed + whole[:kept])


def test_keys_that_rise_together_need_three_bytes_each() -> None:
    keys = [(sale << 14) | 1 << 8 for sale in range(1_000_000, 1_001_000)]

    assert len(varints.pack_steps(keys)) <= 3 * len(keys) + 8
