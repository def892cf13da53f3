"""How unlikely so few orders are: the lower tail of the negative binomial distribution."""

from math import exp, lgamma, log, log1p

_NEGLIGIBLE = 1e-15
_FAINT = 1e-6
"""Dispersion that is none: with less, the sums of large logarithms are not exact."""


def tail(observed: int, mean: float, dispersion: float) -> float:
    """The probability of *observed* orders or fewer where *mean* are usual.

    Counts vary by more than chance alone: the variance is ``mean + dispersion * mean ** 2``, and a dispersion of 0 is
    Poisson's distribution. Where nothing is usual, nothing is too few.
    """
    if observed < 0 or mean <= 0:
        return float(observed >= 0)
    odds = mean / (1 + dispersion * mean)
    if observed >= mean:
        return 1.0 - _above(observed, mean, dispersion, odds)
    term = total = exp(_log_probability(observed, mean, dispersion))
    for count in range(observed, 0, -1):
        term *= count / (odds * (1 + dispersion * (count - 1)))
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return total


def _above(observed: int, mean: float, dispersion: float, odds: float) -> float:
    """Of more than *observed*, which is at least the mean: every term is less than the one before."""
    count, term, total = observed, exp(_log_probability(observed, mean, dispersion)), 0.0
    while term > total * _NEGLIGIBLE:
        term *= odds * (1 + dispersion * count) / (count + 1)
        total += term
        count += 1
    return total


def _log_probability(count: int, mean: float, dispersion: float) -> float:
    """Of exactly *count* orders."""
    if dispersion < _FAINT:
        return count * log(mean) - mean - lgamma(count + 1)
    size = 1 / dispersion
    arranged = lgamma(count + size) - lgamma(size) - lgamma(count + 1)
    return arranged - size * log1p(mean / size) + count * (log(mean) - log(mean + size))
