"""Ask a platform once a day how it rates what it gets. Nothing depends on the answer."""

from conversions.destinations.base import Scoring
from conversions.house import House
from conversions.ledger import Ledger, accounts, judging, scores
from conversions.ledger.runs import Run


def ask(house: House, ledger: Ledger, run: Run) -> None:
    """Ask those that have received something and were not asked within a day."""
    numbers = judging.known_numbers(ledger, house.names)
    for view, number in zip(house.views, numbers, strict=True):
        destination = view.destination
        if (
            not isinstance(destination, Scoring)
            or accounts.first_time(ledger, number)
            or not scores.due(ledger, number)
        ):
            continue
        scores.announce(ledger, run, number, destination.name)
        if said := destination.scores():
            scores.keep(ledger, run, number, said)
