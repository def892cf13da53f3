"""Runs, what the store is bound to, approved policies, and findings that a person knows."""

from conversions.ledger.runs.runs import (
    Occasion,
    Run,
    ahead,
    begin,
    closing,
    finish,
    last_begun,
    operator,
    reach_back,
    remember,
    staged,
    take_over,
)

__all__ = [
    "Occasion",
    "Run",
    "ahead",
    "begin",
    "closing",
    "finish",
    "last_begun",
    "operator",
    "reach_back",
    "remember",
    "staged",
    "take_over",
]
