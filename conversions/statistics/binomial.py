"""How likely a count is, so that a guard alarms where chance hardly can: shares of orders at any size of shop."""

from math import exp, inf, lgamma, log, log1p

RARE = 1e-4
"""Less likely than this is no chance: guards look once a night, and may be wrong twice a year at the most."""
NEGLIGIBLE = 1e-17
"""A term of this share changes no double."""


def at_least(hits: int, of: int, chance: float) -> float:
    """The probability of *hits* or more among *of*, each with *chance* (0 to 1): the binomial's upper tail."""
    total = 0.0
    for k in range(max(hits, 0), of + 1):
        term = exp(_log_binomial(k, of, chance))
        total += term
        if k > of * chance and term <= total * NEGLIGIBLE:  # above the mean, every further term is smaller
            break
    return min(1.0, total)


def at_most(hits: int, of: int, chance: float) -> float:
    """The probability of *hits* or fewer among *of*."""
    return at_least(of - hits, of, 1 - chance)


def _log_binomial(hits: int, of: int, chance: float) -> float:
    ways = lgamma(of + 1) - lgamma(hits + 1) - lgamma(of - hits + 1)
    return ways + _times(hits, log(chance) if chance > 0 else -inf) + _times(of - hits, _log1m(chance))


def _log1m(chance: float) -> float:
    return log1p(-chance) if chance < 1 else -inf


def _times(count: int, logarithm: float) -> float:
    """0 times anything is 0."""
    return count * logarithm if count else 0.0
