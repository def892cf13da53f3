"""The right to rectification (GDPR art. 16): an order had the address of another, and was sent under it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from conversions.errors import Usage
from conversions.ledger import Clock, outbox, runs
from conversions.ledger.subjects import access_log, rectification
from conversions.ledger.subjects.records import SubjectOrder
from conversions.ledger.subjects.rectification import RectificationSummary
from conversions.model.receipt import Outcome
from conversions.model.subject import Person
from conversions.privacy.erasure import exclusive_ledger
from conversions.privacy.objections import shared_ledger
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class MisaddressedOrder:
    """An order under the wrong address, at one destination."""

    order_no: str
    destination: str
    recipient: str | None
    """None where nothing was sent."""
    days: tuple[str, ...]
    """First and last day of an attempt that the recipient may have received, in the shop's zone; ISO 8601."""


def misaddressed(
    settings: Settings, clock: Clock, wrong: Person, numbers: Collection[str], case: str
) -> list[MisaddressedOrder]:
    """Log the look at the person, then say what stands, and what went out, under the address *wrong*.

    Only the orders *numbers*, where there are any. Raises Usage where one of them does not stand under it.
    """
    with shared_ledger(settings, clock) as ledger:
        access_log.record_access(ledger, "rectification", wrong[0], case)
        with ledger.transaction() as connection:
            orders = _named(rectification.misaddressed(connection, wrong), numbers)
    return [_shown(order, settings) for order in orders]


def rectify(
    settings: Settings, clock: Clock, persons: tuple[Person, Person], numbers: Collection[str], case: str
) -> RectificationSummary:
    """Record that the orders of the first of *persons* are the second's. Raises AnotherRun, SettingsError and Usage."""
    wrong, right = persons
    with exclusive_ledger(settings, clock) as ledger:
        outbox.recover(ledger)
        with ledger.transaction() as connection:
            orders = _named(rectification.misaddressed(connection, wrong), numbers)
        sales = list(dict.fromkeys(order.sale for order in orders))
        result = rectification.rectify(ledger, wrong, right, sales, case)
        runs.record_tree_head(ledger)
    return result


def _named(orders: Iterable[SubjectOrder], numbers: Collection[str]) -> list[SubjectOrder]:
    chosen = [order for order in orders if not numbers or order.order_no in numbers]
    absent = sorted(set(numbers) - {order.order_no for order in chosen})
    if absent:
        raise Usage(
            f"No order {absent[0]!r} stands under the old address; nothing was changed. Without --order the command"
            " lists those that do."
        )
    return chosen


def _shown(order: SubjectOrder, settings: Settings) -> MisaddressedOrder:
    sent = [t for event in order.events for t in event.transfers if t.outcome != Outcome.NOT_SENT]
    days = sorted({t.at.astimezone(settings.zone).date().isoformat() for t in sent})
    recipient = sent[-1].recipient if sent else None
    return MisaddressedOrder(
        order.order_no, order.destination, recipient, tuple(dict.fromkeys([*days[:1], *days[-1:]]))
    )
