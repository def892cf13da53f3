"""What a run tells whoever is on call: one sentence each, with the next command and nothing personal."""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from conversions.ledger.queries.backlog import Backlog
from conversions.ledger.restatements.eligibility import AdjustmentTotals
from conversions.model.late_result import LateResults
from conversions.run.report import DestinationSide, Report, SourceSide


def of_run(report: Report) -> Iterator[str]:
    """What at the destinations needs a person, or waits."""
    for name, side in report.destinations.items():
        yield from _of_destination(name, side, report.source)


def late(name: str, late: LateResults) -> Iterator[str]:
    """What was refused after it had been received, and what could not be asked."""
    if refused := late.rejected.total():
        yield NEWS["rejected"].format(name=name, n=refused)
    yield from _left_open(name, late)


NEWS = {
    "values_refused": "{name} refused the new values of {n} orders; it holds the old ones.",
    "values_unconfirmed": (
        "{name} refused the new values of {n} orders when they were sent again after a lost answer: it holds the old "
        "or the new ones; look there. Where the shop's value changes again, `conversions run --restate` settles it."
    ),
    "values_unanswered": (
        "{n} changed values were never answered by {name} and are too old to be sent again: "
        "it holds the old or the new one; look there."
    ),
    "refused": "{n} orders were refused by {name} one by one: `conversions status` names them.",
    "rejected": "{n} orders were refused by {name} after it had received them: `conversions status` names them.",
    "expired": "{n} orders became too old for {name} while they waited: `conversions status` names them.",
    "undecided": "{n} orders at {name} have no answer, and sent again may count twice: `conversions decide`.",
    "set_aside": "{n} orders were set aside before {name}: `conversions status` names them.",
}
"""By what is new, and nobody has been told."""


def _of_destination(name: str, side: DestinationSide, source: SourceSide) -> Iterator[str]:
    for what, sentence in NEWS.items():
        if new := getattr(side.unreported, what):
            yield sentence.format(name=name, n=new)
    yield from _corrections(name, side.adjustments)
    yield from _left_open(name, side.late)
    if side.first_batch and side.totals.counts["sent"]:
        yield f"This was the first batch for {name} (first_batch): look at what arrived there before the rest follows."
    if left := side.remaining:
        yield _waits(name, left, side.too_old_at)
    if side.difference(source) or any(side.money_difference(source).values()):
        yield f"{name}: not everything that was read is accounted for. Stop sending and report this."


def _left_open(name: str, late: LateResults) -> Iterator[str]:
    if late.untold:
        yield (
            f"{name} says that requests with {late.untold} orders failed, or that it does not know them, and not what "
            "became of each order: look at the diagnostics there. No run sends them again."
        )
    if late.trouble:
        yield late.trouble


def of_waits(found: Iterable[Backlog], zone: ZoneInfo) -> Iterator[str]:
    """What a run that was stopped leaves waiting, from this night or an earlier one."""
    for one in found:
        until = f"{one.first_too_old.astimezone(zone):%Y-%m-%d %H:%M}" if one.first_too_old else None
        yield _waits(one.destination, one.orders, until)


def _waits(name: str, orders: int, until: str | None) -> str:
    too_old = f"; the first is too old for it on {until}" if until else ""
    return f"Nothing is lost: {orders} orders wait for {name}{too_old}. `conversions run` goes on with them."


def _corrections(name: str, found: AdjustmentTotals) -> Iterator[str]:
    if waiting := found.waiting.orders:
        yield f"{waiting} restatements wait for {name}: `conversions run --restate` goes on with them."
    if unknown := found.unknown.orders:
        yield f"{unknown} restatements at {name} have no answer: `conversions run` sends them again."
