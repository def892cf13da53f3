"""The orders whose links a bundle opens, found by the numbers that a person gave."""

from collections.abc import Sequence
from dataclasses import dataclass

from conversions.audit import open_log
from conversions.errors import Usage
from conversions.ledger import Clock
from conversions.ledger.queries import order_search
from conversions.ledger.queries.order_search import Match
from conversions.model.subject import holds_address
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class ChosenOrder:
    """One order of a sample."""

    asked: str
    sale: int
    """Its key in the store."""


def find(settings: Settings, clock: Clock, numbers: Sequence[str]) -> list[ChosenOrder]:
    """Return the orders with these numbers. Raises Usage where one is not known, or cannot be opened."""
    if any(map(holds_address, numbers)):
        raise Usage("An e-mail address is no order number. `conversions privacy access` answers a person's question.")
    if not numbers:
        return []
    with open_log(settings, clock) as log:
        matches = order_search.find(log, settings.shop, [*dict.fromkeys(numbers)])
        erased = order_search.erased(log, [match.sale for match in matches if match.sale])
    return [_chosen(match, erased) for match in matches]


def _chosen(match: Match, erased: set[int]) -> ChosenOrder:
    if match.several:
        raise Usage(f"--order {match.asked} fits {', '.join(match.several)}; name one of them.")
    if match.sale is None:
        raise Usage(f"The store has no order {match.asked}; `conversions explain {match.asked}` says more.")
    if match.sale in erased:
        raise Usage(f"Order {match.asked} is erased, so nothing says any more which events were its; leave it out.")
    return ChosenOrder(match.asked, match.sale)
