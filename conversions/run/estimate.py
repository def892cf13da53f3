"""What a run would do with the orders that were read, before anything is staged; this writes nothing."""

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


def estimate(runtime: Runtime, ledger: Ledger, destination_ids: list[int]) -> dict[str, DestinationSide]:
    """Return for each destination what would become of every order that was read."""
    in_gap, now = gaps.orders_in_gap(ledger, dedup_windows_us(runtime)), int(ledger.clock().timestamp())
    control_totals = [ControlTotals() for _ in runtime.destinations]
    adjustments = [AdjustmentTotals() for _ in runtime.destinations]
    for page in evaluate.evaluations(ledger):
        totals.forecast(control_totals, page, now, in_gap)
        restatements.estimate(runtime, ledger, page, adjustments)
    stops, sides = reconcile.account_stops(runtime, ledger), {}
    for position, (rules, destination_id) in enumerate(zip(runtime.destinations, destination_ids, strict=True)):
        counted = control_totals[position]
        side = DestinationSide(counted, stops.get(rules.name), adjustments=adjustments[position])
        side.too_old_at = expiry.first_too_old(counted, rules.order_rules)
        side.too_old = expiry.too_old(counted, rules.order_rules)
        side.first_batch = canary_size(rules.settings, ledger, destination_id)
        sides[rules.name] = side
    return sides
