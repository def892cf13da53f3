"""The lower tail of the negative binomial distribution: how unlikely so few orders are."""

from math import exp, lgamma, log, log1p

_NEGLIGIBLE = 1e-15
_MIN_DISPERSION = 1e-6
"""A smaller dispersion counts as 0, because the sums of large logarithms would not be exact."""


def tail(observed: int, mean: float, dispersion: float) -> float:
    """Return the probability of *observed* orders or fewer where *mean* orders are usual.

    Counts vary by more than chance: the variance is ``mean + dispersion * mean ** 2``; a dispersion of 0 gives the
    Poisson distribution. With a mean of 0 the result is 1.
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
    """Return the probability of more than *observed*, which is at least the mean, so that the terms decrease."""
    count, term, total = observed, exp(_log_probability(observed, mean, dispersion)), 0.0
    while term > total * _NEGLIGIBLE:
        term *= odds * (1 + dispersion * count) / (count + 1)
        total += term
        count += 1
    return total


def _log_probability(count: int, mean: float, dispersion: float) -> float:
    """Return the logarithm of the probability of exactly *count* orders."""
    if dispersion < _MIN_DISPERSION:
        return count * log(mean) - mean - lgamma(count + 1)
    size = 1 / dispersion
    log_ways = lgamma(count + size) - lgamma(size) - lgamma(count + 1)
    return log_ways - size * log1p(mean / size) + count * (log(mean) - log(mean + size))
