"""The tails of the binomial distribution, for shares of orders in shops of any size."""

from math import exp, inf, lgamma, log, log1p

RARE = 1e-4
"""A check reports less likely counts: it looks once a day, and is wrong by chance at most twice a year."""
NEGLIGIBLE = 1e-17
"""A term with a smaller share does not change a double."""


def at_least(hits: int, of: int, chance: float) -> float:
    """Return the probability of *hits* or more among *of*, each with *chance* (0 to 1): the upper tail."""
    total = 0.0
    for k in range(max(hits, 0), of + 1):
        term = exp(_log_binomial(k, of, chance))
        total += term
        if k > of * chance and term <= total * NEGLIGIBLE:  # above the mean, every further term is smaller
            break
    return min(1.0, total)


def _log_binomial(hits: int, of: int, chance: float) -> float:
    ways = lgamma(of + 1) - lgamma(hits + 1) - lgamma(of - hits + 1)
    return ways + _times(hits, log(chance) if chance > 0 else -inf) + _times(of - hits, _log1m(chance))


def _log1m(chance: float) -> float:
    return log1p(-chance) if chance < 1 else -inf


def _times(count: int, logarithm: float) -> float:
    """Return the product, and 0 for a count of 0, also with an infinite logarithm."""
    return count * logarithm if count else 0.0
