"""How likely a count is: against exact sums of fractions, and at the edges."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.statistics.binomial import at_least


def exactly(hits: int, of: int, chance: Fraction) -> Fraction:
    """The binomial's upper tail, by the book."""
    return sum((comb(of, k) * chance**k * (1 - chance) ** (of - k) for k in range(hits, of + 1)), Fraction())


@given(st.integers(0, 60), st.integers(0, 60), st.fractions(0, 1, max_denominator=1000))
def test_it_is_the_exact_sum(hits: int, of: int, chance: Fraction) -> None:
    assert at_least(hits, of, float(chance)) == pytest.approx(float(exactly(hits, of, chance)), rel=1e-9, abs=1e-15)


@given(st.integers(1, 3000), st.floats(0, 1), st.data())
def test_the_two_tails_are_everything(of: int, chance: float, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of - 1))
    lower = at_least(of - hits, of, 1 - chance)  # so many or fewer hits are so many or more misses
    assert lower + at_least(hits + 1, of, chance) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0.0), (1.0, 1.0)])
def test_what_never_happens_and_what_always_does(chance: float, expected: float) -> None:
    assert at_least(3, 8, chance) == expected
    assert at_least(0, 8, chance) == 1.0
    assert at_least(0, 0, chance) == 1.0
