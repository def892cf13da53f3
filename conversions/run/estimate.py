"""What a run would do with what is read, order by order, before anything is staged: nothing is written."""

from conversions.delivery.open_queue import canary_size
from conversions.ledger import Ledger
from conversions.ledger.queries import totals
from conversions.ledger.queries.totals import ControlTotals
from conversions.ledger.restatements.eligibility import AdjustmentTotals
from conversions.ledger.staging import evaluate, gaps
from conversions.run import expiry, reconcile, restatements
from conversions.run.context import dedup_windows_us
from conversions.run.report import DestinationSide
from conversions.run.runtime import Runtime


def estimate(runtime: Runtime, ledger: Ledger, numbers: list[int]) -> dict[str, DestinationSide]:
    """Where every order that was read would end, by destination."""
    doubtful, now = gaps.orders_in_gap(ledger, dedup_windows_us(runtime)), int(ledger.clock().timestamp())
    accounts, changed = (
        [ControlTotals() for _ in runtime.destinations],
        [AdjustmentTotals() for _ in runtime.destinations],
    )
    for page in evaluate.evaluations(ledger, runtime.settings.shop):
        totals.forecast(accounts, page, now, doubtful)
        restatements.estimate(runtime, ledger, page, changed)
    stops, sides = reconcile.stops(runtime, ledger), {}
    for view, number, account, found in zip(runtime.destinations, numbers, accounts, changed, strict=True):
        name = view.destination.name
        side = sides[name] = DestinationSide(account, stops.get(name), corrections=found)
        side.too_old_at, side.too_old = expiry.first_too_old(account, view.rules), expiry.too_old(account, view.rules)
        side.first_batch = canary_size(view.settings, ledger, number)
    return sides
