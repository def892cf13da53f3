"""Ask each platform once a day how it rates the quality of our events. Nothing depends on the answer."""

from collections.abc import Sequence

from conversions.destinations.base import RatesEvents
from conversions.ledger import Ledger
from conversions.ledger.late_results import quality_scores
from conversions.ledger.runs import Run
from conversions.run.runtime import Runtime


def poll(runtime: Runtime, ledger: Ledger, run: Run, destination_ids: Sequence[int]) -> None:
    """Ask each platform that has received events and was not asked within a day."""
    for rules, destination_id in zip(runtime.destinations, destination_ids, strict=True):
        destination = rules.destination
        if isinstance(destination, RatesEvents) and quality_scores.due(ledger, destination_id):
            quality_scores.begin_score_poll(ledger, run, destination_id, destination.name)
            if scores := destination.scores():
                quality_scores.keep(ledger, run, destination_id, scores)
