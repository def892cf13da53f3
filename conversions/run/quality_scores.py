"""Ask a platform once a day how it rates what it gets. Nothing depends on the answer."""

from collections.abc import Sequence

from conversions.destinations.base import RatesEvents
from conversions.ledger import Ledger
from conversions.ledger.late_results import quality_scores
from conversions.ledger.runs import Run
from conversions.run.runtime import Runtime


def ask(runtime: Runtime, ledger: Ledger, run: Run, numbers: Sequence[int]) -> None:
    """Ask those that have received something and were not asked within a day; *numbers* are the ledger's of them."""
    for view, number in zip(runtime.destinations, numbers, strict=True):
        destination = view.destination
        if isinstance(destination, RatesEvents) and quality_scores.due(ledger, number):
            quality_scores.begin(ledger, run, number, destination.name)
            if said := destination.scores():
                quality_scores.keep(ledger, run, number, said)
