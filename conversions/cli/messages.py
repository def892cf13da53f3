"""Messages of a run for the operator: one sentence each, with the next command; order numbers at most, no address."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from conversions.cli.output import counted
from conversions.errors import Exit
from conversions.ledger.queries.backlog import Backlog
from conversions.ledger.restatements.eligibility import AdjustmentTotals
from conversions.model.late_result import LateResults
from conversions.model.local_time import local_time
from conversions.run.report import DestinationSide, Report, SourceSide


def of_run(report: Report, zone: ZoneInfo) -> Iterator[str]:
    """Problems and waiting orders of every destination."""
    for name, side in report.destinations.items():
        yield from _of_destination(name, side, report.source, zone)


def late(name: str, late: LateResults) -> Iterator[str]:
    """Orders that the platform refused after it had received them, and status questions that failed."""
    if refused := late.rejected.total():
        yield PROBLEMS["rejected"].format(name=name, orders=counted(refused, "order"))
    yield from _left_open(name, late)


PROBLEMS = {
    "values_refused": "{name} refused the new values of {orders}; it holds the old values.",
    "values_unconfirmed": (
        "{name} refused the new values of {orders} when they were sent again after a lost answer. It holds the old "
        "or the new values; look there. When the shop's value changes again, `conversions run --restate` sends it."
    ),
    "values_unanswered": (
        "{name} never answered the new values of {orders}, and they are too old to be sent again: "
        "it holds the old or the new values; look there."
    ),
    "refused": "{name} refused {orders}: `conversions status` says which, why and what to do.",
    "rejected": "{name} refused {orders} after it had received them: `conversions status` says which and why.",
    "expired": "{orders} became too old for {name} before they were sent: `conversions status` lists them.",
    "undecided": (
        "{name} never answered for {orders}. Sent again, they may count twice, so a person decides: "
        "`conversions decide` lists them."
    ),
    "set_aside": "{orders} cannot be sent to {name} without a correction: `conversions status` says what to correct.",
}
"""One sentence for each kind of problem that no run has reported yet."""


NO_ORDERS = "Nothing was sent: the shop's data have no order of these days."


def of_document(report: Mapping[str, Any]) -> Iterator[str]:
    """Why a run ended as it did, from its report in the store: what stopped it, then what needs a person."""
    sides, read = report.get("destinations", {}), report.get("source", {})
    if report.get("exit_code") == Exit.OK and not read.get("orders", 1) and not read.get("quarantined"):
        yield NO_ORDERS
    yield from (side["stopped"] for side in sides.values() if side.get("stopped"))
    yield from report.get("needs_a_person", ())
    for name, side in sides.items():
        for kind, count in side.get("needs_a_person", {}).items():
            if count and kind in PROBLEMS:
                yield PROBLEMS[kind].format(name=name, orders=counted(count, "order"))


def conclusion(report: Report, zone: ZoneInfo) -> str:
    """The one sentence that concludes a run: what was sent, or the first thing that a person must know."""
    if report.exit_code is not Exit.OK:
        return next(iter([*report.stop_reasons, *report.sentences, *of_run(report, zone)]), "")
    read = report.source
    if not read.orders:
        if unreadable := sum(read.quarantined.values()):
            rows = counted(unreadable, "row")
            return f"Nothing was sent: none of {rows} could be read. `conversions status` lists them."
        return NO_ORDERS
    sent = {name: side.totals.counts["sent"] for name, side in report.destinations.items()}
    to = ", ".join(f"{counted(orders, 'order')} to {name}" for name, orders in sent.items() if orders)
    return f"Sent {to}. Every order is accounted for." if to else "Nothing new to send. Every order is accounted for."


def forecast(report: Report, *, restate: bool = False) -> str:
    """The one sentence that concludes a plan: what a run would send, with ``--restate`` also new values."""
    if report.stopped or report.pending:
        return "A run would send nothing until the above is corrected or accepted."
    counts = {name: side.totals.counts["pending"] for name, side in report.destinations.items()}
    first = {name: min(counts[name], side.first_batch or counts[name]) for name, side in report.destinations.items()}
    parts = [f"{counted(orders, 'order')} to {name}" for name, orders in first.items() if orders]
    for name, side in report.destinations.items():
        if restate and (values := side.adjustments.possible.orders + side.adjustments.waiting.orders):
            parts.append(f"{counted(values, 'new value')} to {name}")
    to = ", ".join(parts)
    if not to and not report.source.rows:
        return "A run would send nothing: the shop's data have no order of these days."
    return f"A run would send {to}." if to else "A run would send nothing new."


def _of_destination(name: str, side: DestinationSide, source: SourceSide, zone: ZoneInfo) -> Iterator[str]:
    for kind, sentence in PROBLEMS.items():
        if count := getattr(side.unreported, kind):
            yield sentence.format(name=name, orders=counted(count, "order"))
    yield from _adjustments(name, side.adjustments)
    yield from _left_open(name, side.late)
    if side.first_batch and side.totals.counts["sent"]:
        yield f"This was the first batch for {name} (first_batch): look at it there before the next run."
    if orders := side.remaining:
        yield _waiting(name, orders, f"{side.too_old_at} {zone.key}" if side.too_old_at else None)
    if side.difference(source) or any(side.money_difference(source).values()):
        yield f"{name}: the control totals differ from the orders that were read. Stop the timer and report this."


def _left_open(name: str, late: LateResults) -> Iterator[str]:
    if late.untold:
        yield (
            f"{name} reports that requests with {counted(late.untold, 'order')} failed or are unknown there, without "
            "the state of each order: look at the diagnostics there. No run sends these orders again."
        )
    if late.trouble:
        yield late.trouble


def of_backlogs(backlogs: Iterable[Backlog], zone: ZoneInfo) -> Iterator[str]:
    """Orders that wait after a run that was stopped, also those of earlier runs."""
    for backlog in backlogs:
        until = local_time(backlog.first_too_old, zone) if backlog.first_too_old else None
        yield _waiting(backlog.destination, backlog.orders, until, backlog.unanswered)


def _waiting(name: str, orders: int, until: str | None, unanswered: int = 0) -> str:
    wait = "1 order waits" if orders == 1 else f"{counted(orders, 'order')} wait"
    latest = f" Send before {until}, or the oldest is lost for {name}." if until else ""
    with_them = (
        " with them."
        if not unanswered
        else (f"; {unanswered} of them got no answer, and `conversions decide` lists those that wait for a person.")
    )
    return f"Nothing is lost: {wait} for {name}.{latest} `conversions run` goes on{with_them}"


def _adjustments(name: str, totals: AdjustmentTotals) -> Iterator[str]:
    if waiting := totals.waiting.orders:
        orders = counted(waiting, "order")
        yield f"The new values of {orders} wait for {name}: `conversions run --restate` sends them."
    if unknown := totals.unknown.orders:
        orders = counted(unknown, "order")
        yield f"{name} never answered the new values of {orders}: `conversions run` sends them again."
