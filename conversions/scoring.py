"""Ask a platform once a day how it rates what it gets. Nothing depends on the answer."""

from collections.abc import Sequence

from conversions.destinations.base import Scoring
from conversions.house import House
from conversions.ledger import Ledger, scores
from conversions.ledger.runs import Run


def ask(house: House, ledger: Ledger, run: Run, numbers: Sequence[int]) -> None:
    """Ask those that have received something and were not asked within a day; *numbers* are the ledger's of them."""
    for view, number in zip(house.views, numbers, strict=True):
        destination = view.destination
        if isinstance(destination, Scoring) and scores.due(ledger, number):
            scores.announce(ledger, run, number, destination.name)
            if said := destination.scores():
                scores.keep(ledger, run, number, said)
