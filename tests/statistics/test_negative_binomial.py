"""The tail of a distribution, beside a slow sum of its own in whole numbers."""

from fractions import Fraction
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.statistics.negative_binomial import tail


def slow(observed: int, mean: Fraction, size: int) -> float:
    """Failures before the *size*-th success: one probability after the other, exact."""
    success = size / (size + mean)
    term, total = success**size, Fraction()
    for count in range(observed + 1):
        total += term
        term *= (count + size) * (1 - success) / (count + 1)
    return float(total)


@given(st.integers(0, 120), st.fractions(Fraction(1, 20), 100, max_denominator=20), st.integers(1, 60))
def test_it_is_the_sum_of_every_probability(observed: int, mean: Fraction, size: int) -> None:
    assert tail(observed, float(mean), 1 / size) == pytest.approx(slow(observed, mean, size), rel=1e-9)


@given(st.integers(0, 200), st.floats(0.1, 200))
def test_without_dispersion_it_is_poissons(observed: int, mean: float) -> None:
    term, total = exp(-mean), 0.0
    for count in range(observed + 1):
        total += term
        term *= mean / (count + 1)
    assert tail(observed, mean, 0) == pytest.approx(total, rel=1e-9)


@given(st.integers(0, 5000), st.floats(0.01, 5000), st.floats(0, 5))
def test_it_is_a_probability_and_rises_with_what_was_seen(observed: int, mean: float, dispersion: float) -> None:
    less, more = tail(observed, mean, dispersion), tail(observed + 1, mean, dispersion)
    assert 0 <= less <= more + 1e-6 <= 1 + 2e-6


@given(st.integers(0, 50), st.floats(1, 500))
def test_where_nothing_is_usual_nothing_is_too_few(observed: int, mean: float) -> None:
    assert tail(observed, 0, 0.1) == 1
    assert tail(-1, mean, 0.1) == 0
