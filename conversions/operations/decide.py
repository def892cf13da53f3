"""What waits for a person at the destinations of these settings, and what the person decides."""

from collections.abc import Collection

from conversions.delivery.open_queue import resend_us
from conversions.errors import Usage
from conversions.ledger import Clock, Ledger, open_ledger, open_read_only, outbox, runs
from conversions.ledger.late_results import decisions
from conversions.ledger.late_results.decisions import Case, Decision
from conversions.ledger.runs import bindings, findings
from conversions.ledger.staging import evaluate
from conversions.run.runtime import Runtime, build_runtime
from conversions.settings import Settings

NAMED = 5


def cases(settings: Settings, only: str | None, clock: Clock) -> list[Case]:
    """Every order that no run mends by itself and nobody has decided on; reads only."""
    runtime = build_runtime(settings, only)
    with open_read_only(settings, clock) as ledger:
        return decisions.cases(ledger, _windows(runtime, ledger))


def decide(
    settings: Settings,
    clock: Clock,
    decision: Decision,
    destination: str,
    orders: Collection[str] | None,
    reason: str,
) -> list[Case]:
    """Decide on these orders, or (None) on all for which *decision* is a choice; which they were.

    Raises Usage, and changes nothing, where it is no choice for one of them.
    """
    runtime = build_runtime(settings, destination)
    with open_ledger(settings, clock) as ledger:
        bindings.check(ledger, runtime.bindings)
        outbox.recover(ledger)
        possible = {c.order_no: c for c in decisions.cases(ledger, _windows(runtime, ledger)) if decision in c.choices}
        chosen = list(possible.values()) if orders is None else _chosen(possible, orders, decision)
        if chosen:
            decisions.decide(ledger, decision, chosen, reason)
            runs.record_tree_head(ledger)
    return chosen


def acknowledge(settings: Settings, clock: Clock, finding: str, destination: str | None, reason: str) -> int:
    """Let everything that is open as *finding* be known until it worsens; how much.

    Raises Usage where nothing of that name is open, or there is no such destination.
    """
    runtime = build_runtime(settings, destination)
    with open_ledger(settings, clock) as ledger:
        bindings.check(ledger, runtime.bindings)
        runs.acquire_epoch(ledger)
        known = findings.accept(ledger, finding, destination, reason)
        runs.record_tree_head(ledger)
    return known


def _chosen(possible: dict[str, Case], orders: Collection[str], decision: Decision) -> list[Case]:
    strangers = [order for order in orders if order not in possible]
    if strangers:
        more = f" and {len(strangers) - NAMED} more" if len(strangers) > NAMED else ""
        raise Usage(
            f"`{decision}` is no choice for {', '.join(strangers[:NAMED])}{more}; nothing was changed. "
            "`conversions decide` lists what waits, and the choices."
        )
    return [possible[order] for order in dict.fromkeys(orders)]


def _windows(runtime: Runtime, ledger: Ledger) -> dict[int, int]:
    """By the ledger's number of each destination that it has met: how long it is sent to again without asking."""
    known = zip(runtime.destinations, evaluate.destination_ids(ledger, runtime.names), strict=True)
    return {number: resend_us(view.destination, view.settings) for view, number in known if number}
