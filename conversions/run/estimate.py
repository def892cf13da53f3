"""What a run would do with what is read, order by order, before anything is staged: nothing is written."""

from conversions.delivery.open_queue import first_batch
from conversions.ledger import Ledger
from conversions.ledger.queries import totals
from conversions.ledger.queries.totals import Account
from conversions.ledger.restatements.eligibility import Corrections
from conversions.ledger.staging import evaluate, gaps
from conversions.run import expiry, reconcile, restatements
from conversions.run.context import counted_once
from conversions.run.report import DestinationSide
from conversions.run.runtime import House


def foresee(house: House, ledger: Ledger, numbers: list[int]) -> dict[str, DestinationSide]:
    """Where every order that was read would end, by destination."""
    doubtful, now = gaps.doubt(ledger, counted_once(house)), int(ledger.clock().timestamp())
    foreseen, changed = [Account() for _ in house.views], [Corrections() for _ in house.views]
    for page in evaluate.judged(ledger, house.settings.shop):
        totals.forecast(foreseen, page, now, doubtful)
        restatements.foresee(house, ledger, page, changed)
    stops, sides = reconcile.stops(house, ledger), {}
    for view, number, account, found in zip(house.views, numbers, foreseen, changed, strict=True):
        name = view.destination.name
        side = sides[name] = DestinationSide(account, stops.get(name), corrections=found)
        side.too_old_at, side.too_old = expiry.first_too_old(account, view.rules), expiry.too_old(account, view.rules)
        side.first_batch = first_batch(view.section, ledger, number)
    return sides
