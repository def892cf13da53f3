"""What a run tells whoever is on call: one sentence each, with the next command and nothing personal."""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from conversions.diagnosis import Late
from conversions.ledger.corrections import Corrections
from conversions.ledger.waits import Wait
from conversions.report import DestinationSide, Report, SourceSide


def of_run(report: Report) -> Iterator[str]:
    """Everything that needs a person, or waits."""
    yield from report.news
    for name, side in report.destinations.items():
        yield from _of_destination(name, side, report.source)


def late(name: str, late: Late) -> Iterator[str]:
    """What was refused after it had been received, and what could not be asked."""
    if refused := late.rejected.total():
        yield f"{refused} orders were refused by {name} after it had received them: `conversions status` names them."
    if late.trouble:
        yield late.trouble


def _of_destination(name: str, side: DestinationSide, source: SourceSide) -> Iterator[str]:
    news = side.news
    yield from _corrections(name, side.corrections)
    if news.refused:
        yield f"{news.refused} orders were refused by {name} one by one: `conversions status` names them."
    yield from late(name, side.late)
    if news.expired:
        yield f"{news.expired} orders became too old for {name} while they waited: `conversions status` names them."
    if news.undecided:
        yield f"{news.undecided} orders at {name} have no answer, and sent again may count twice: `conversions decide`."
    if news.set_aside:
        yield f"{news.set_aside} orders were set aside before {name}: `conversions status` names them."
    if side.first_batch and side.account.counts["sent"]:
        yield f"This was the first batch for {name} (first_batch): look at what arrived there before the rest follows."
    if left := side.left:
        yield _waits(name, left, side.too_old_at)
    if side.difference(source) or any(side.money_difference(source).values()):
        yield f"{name}: not everything that was read is accounted for. Stop sending and report this."


def of_waits(found: Iterable[Wait], zone: ZoneInfo) -> Iterator[str]:
    """What a run that was stopped leaves waiting, from this night or an earlier one."""
    for one in found:
        until = f"{one.first_too_old.astimezone(zone):%Y-%m-%d %H:%M}" if one.first_too_old else None
        yield _waits(one.destination, one.orders, until)


def _waits(name: str, orders: int, until: str | None) -> str:
    too_old = f"; the first is too old for it on {until}" if until else ""
    return f"Nothing is lost: {orders} orders wait for {name}{too_old}. `conversions run` goes on with them."


def _corrections(name: str, found: Corrections) -> Iterator[str]:
    if refused := found.refused.orders:
        yield f"{name} refused the new values of {refused} orders; it holds the old ones."
    if waiting := found.waiting.orders:
        yield f"{waiting} restatements wait for {name}: `conversions run --restate` goes on with them."
    if unknown := found.unknown.orders:
        yield f"{unknown} restatements at {name} have no answer: `conversions run` sends them again."
