"""Checkpoints that have not reached a place outside, as a finding of the next runs.

A run hands its checkpoint over after it has ended, and tells at once where that fails. One failure is no finding: the
next run hands over what is missing.
"""

from conversions.distribution import states
from conversions.model.finding import Finding, attention
from conversions.settings import Settings

CODE = "checkpoint_to"
MIN_WAITING = 2
"""Checkpoints that a place lacks: those of two nights."""


def findings(settings: Settings) -> list[Finding]:
    """Return one finding for each place that lacks the checkpoints of two runs."""
    return [
        attention(CODE, state.sentence, count=1, about=state.shown)
        for state in states(settings)
        if state.known.failed and state.waiting >= MIN_WAITING
    ]
