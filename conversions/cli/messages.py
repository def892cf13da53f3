"""Messages of a run for the operator: one sentence each, with the next command and without personal data."""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from conversions.ledger.queries.backlog import Backlog
from conversions.ledger.restatements.eligibility import AdjustmentTotals
from conversions.model.late_result import LateResults
from conversions.run.report import DestinationSide, Report, SourceSide


def of_run(report: Report) -> Iterator[str]:
    """Problems and waiting orders of every destination."""
    for name, side in report.destinations.items():
        yield from _of_destination(name, side, report.source)


def late(name: str, late: LateResults) -> Iterator[str]:
    """Orders that the platform refused after it had received them, and status questions that failed."""
    if refused := late.rejected.total():
        yield PROBLEMS["rejected"].format(name=name, n=refused)
    yield from _left_open(name, late)


PROBLEMS = {
    "values_refused": "{name} refused the new values of {n} orders; it holds the old values.",
    "values_unconfirmed": (
        "{name} refused the new values of {n} orders when they were sent again after a lost answer. It holds the old "
        "or the new values; look there. When the shop's value changes again, `conversions run --restate` sends it."
    ),
    "values_unanswered": (
        "{name} never answered {n} changed values, and they are too old to be sent again: "
        "it holds the old or the new values; look there."
    ),
    "refused": "{name} refused {n} single orders: `conversions status` lists them.",
    "rejected": "{name} refused {n} orders after it had received them: `conversions status` lists them.",
    "expired": "{n} orders became too old for {name} while they waited: `conversions status` lists them.",
    "undecided": "{n} orders at {name} have no answer and may count twice if sent again: `conversions decide`.",
    "set_aside": "{n} orders did not pass the checks for {name}: `conversions status` lists them.",
}
"""One sentence for each kind of problem that no run has reported yet."""


def _of_destination(name: str, side: DestinationSide, source: SourceSide) -> Iterator[str]:
    for kind, sentence in PROBLEMS.items():
        if count := getattr(side.unreported, kind):
            yield sentence.format(name=name, n=count)
    yield from _adjustments(name, side.adjustments)
    yield from _left_open(name, side.late)
    if side.first_batch and side.totals.counts["sent"]:
        yield f"This was the first batch for {name} (first_batch): look at it there; the next run sends the rest."
    if orders := side.remaining:
        yield _waiting(name, orders, side.too_old_at)
    if side.difference(source) or any(side.money_difference(source).values()):
        yield f"{name}: the control totals differ from the orders that were read. Stop the timer and report this."


def _left_open(name: str, late: LateResults) -> Iterator[str]:
    if late.untold:
        yield (
            f"{name} reports that requests with {late.untold} orders failed or are unknown there, without the state of "
            "each order: look at the diagnostics there. No run sends these orders again."
        )
    if late.trouble:
        yield late.trouble


def of_backlogs(backlogs: Iterable[Backlog], zone: ZoneInfo) -> Iterator[str]:
    """Orders that wait after a run that was stopped, also those of earlier runs."""
    for backlog in backlogs:
        until = f"{backlog.first_too_old.astimezone(zone):%Y-%m-%d %H:%M}" if backlog.first_too_old else None
        yield _waiting(backlog.destination, backlog.orders, until)


def _waiting(name: str, orders: int, until: str | None) -> str:
    too_old = f"; the first is too old for it on {until}" if until else ""
    return f"Nothing is lost: {orders} orders wait for {name}{too_old}. `conversions run` goes on with them."


def _adjustments(name: str, totals: AdjustmentTotals) -> Iterator[str]:
    if waiting := totals.waiting.orders:
        yield f"{waiting} restatements wait for {name}: `conversions run --restate` sends them."
    if unknown := totals.unknown.orders:
        yield f"{unknown} restatements at {name} have no answer: `conversions run` sends them again."
