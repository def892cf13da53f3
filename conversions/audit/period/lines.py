"""The lines of a table: what was read and sent, then each outcome, and why orders were withheld."""

from collections.abc import Iterator
from typing import NamedTuple

from conversions.audit.period.figures import Figure, Figures
from conversions.audit.period.outcome import Outcome
from conversions.audit.period.records import words
from conversions.catalogue import Language, text


class Line(NamedTuple):
    """One line of a table."""

    label: str
    figure: Figure
    is_part: bool = False
    """Whether it is a part of the line above it."""


def lines(figures: Figures, language: Language) -> list[Line]:
    """Return the lines; outcomes without an order have none."""
    return [*_sums(figures, language), *_outcomes(figures, language)]


def outcomes(figures: Figures, language: Language) -> list[Line]:
    """Return the lines of the outcomes alone, without the parts: their sum is what was read."""
    return [line for line in _outcomes(figures, language) if not line.is_part]


def _sums(figures: Figures, language: Language) -> Iterator[Line]:
    yield Line(text("period", "read", language), figures.read)
    yield Line(text("period", "sent", language), figures.sent)
    if figures.restated.orders:
        yield Line(text("period", "restated", language), figures.restated, is_part=True)


def _outcomes(figures: Figures, language: Language) -> Iterator[Line]:
    for outcome, figure in figures.outcomes.items():
        if figure.orders:
            yield Line(text("period", outcome, language), figure)
        if outcome == Outcome.WITHHELD:
            yield from (Line(words(code, language), own, is_part=True) for code, own in figures.withheld.items())
