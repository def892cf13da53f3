"""Orders and findings that wait for a decision, and the decisions of the operator."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from conversions.delivery.open_queue import resend_us
from conversions.errors import Usage
from conversions.ledger import Clock, Ledger, open_ledger, open_read_only, outbox, runs
from conversions.ledger.late_results import decisions
from conversions.ledger.late_results.decisions import Case, Decision
from conversions.ledger.runs import bindings, findings
from conversions.ledger.staging import evaluate
from conversions.run.runtime import Runtime, build_runtime
from conversions.settings import Settings

MAX_ORDERS_NAMED = 5
"""Order numbers that one message names."""


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """What the operator decides about orders of one destination."""

    decision: Decision
    destination: str
    orders: Collection[str] | None
    """Order numbers; None: all orders for which the decision is a choice."""
    reason: str


def cases(settings: Settings, only: str | None, clock: Clock) -> list[Case]:
    """Return every order that needs a decision and has none yet; this reads only."""
    runtime = build_runtime(settings, only)
    with open_read_only(settings, clock) as ledger:
        return decisions.cases(ledger, _resend_windows_us(runtime, ledger))


def decide(settings: Settings, clock: Clock, request: DecisionRequest) -> list[Case]:
    """Apply the decision, and return the orders that it changed.

    Raises Usage, and changes nothing, where the decision is not a choice for one of the orders.
    """
    runtime = build_runtime(settings, request.destination)
    with open_ledger(settings, clock) as ledger:
        bindings.check_bindings(ledger, runtime.bindings)
        outbox.recover(ledger)
        open_cases = decisions.cases(ledger, _resend_windows_us(runtime, ledger))
        possible = {case.order_no: case for case in open_cases if request.decision in case.choices}
        chosen = (
            list(possible.values()) if request.orders is None else _choose(possible, request.orders, request.decision)
        )
        if chosen:
            decisions.apply_decision(ledger, request.decision, chosen, request.reason)
            runs.record_tree_head(ledger)
    return chosen


def acknowledge(settings: Settings, clock: Clock, finding: str, destination: str | None, reason: str) -> int:
    """Mark the open findings with the code *finding* as known until they worsen; return how many.

    Raises Usage where no finding with this code is open, or there is no such destination.
    """
    runtime = build_runtime(settings, destination)
    with open_ledger(settings, clock) as ledger:
        bindings.check_bindings(ledger, runtime.bindings)
        runs.acquire_epoch(ledger)
        acknowledged = findings.accept(ledger, finding, destination, reason)
        runs.record_tree_head(ledger)
    return acknowledged


def _choose(possible: dict[str, Case], orders: Collection[str], decision: Decision) -> list[Case]:
    possible = _by_shown_number(possible.values()) | possible
    unknown = [order for order in orders if order not in possible]
    if unknown:
        more = f" and {len(unknown) - MAX_ORDERS_NAMED} more" if len(unknown) > MAX_ORDERS_NAMED else ""
        raise Usage(
            f"`{decision}` is not a choice for {', '.join(unknown[:MAX_ORDERS_NAMED])}{more}; nothing was changed. "
            "`conversions decide` lists the orders that wait, and their choices."
        )
    return list({possible[order].delivery: possible[order] for order in orders}.values())


def _by_shown_number(cases: Iterable[Case]) -> dict[str, Case]:
    """Return the orders by the number that people see; a number of several orders names none."""
    by_number: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.shown_no:
            by_number[case.shown_no].append(case)
    return {number: found[0] for number, found in by_number.items() if len(found) == 1}


def _resend_windows_us(runtime: Runtime, ledger: Ledger) -> dict[int, int]:
    """Return ``resend_us`` of each destination that the store knows, by its id."""
    destinations = zip(runtime.destinations, evaluate.destination_ids(ledger, runtime.names), strict=True)
    return {
        destination_id: resend_us(rules.destination, rules.settings)
        for rules, destination_id in destinations
        if destination_id
    }
