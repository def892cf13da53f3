"""Cases that wait for a person, and the decisions of that person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, case, false, func, insert, select, update

from conversions.ledger import judgements, log
from conversions.ledger.late_results.apply import waits_for_the_account
from conversions.ledger.log import bound
from conversions.ledger.runs import operator
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.standing import make_exceptions
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason
from conversions.model.late_result import of_consent


class Decision(StrEnum):
    """The decisions that a person can make."""

    SEND = "send"
    """Send again: the platform may count it twice; or the account has been corrected."""
    GIVE_UP = "give-up"
    """Never send it again; the platform may have received it."""
    ACKNOWLEDGE = "acknowledge"
    """Keep the state, and do not show the case again."""


@dataclass(frozen=True, slots=True)
class Case:
    """One order at one destination that waits for a person."""

    delivery: int
    destination: str
    order_no: str
    day: str
    state: str
    reason: str | None
    detail: str | None
    choices: tuple[Decision, ...]
    shown_no: str | None = None
    """The number that people see, if it is not ``order_no``."""


_UPDATES = {
    Decision.SEND: text_with_lists(
        """
        UPDATE exception SET decision = CASE WHEN state IN ('unknown', 'received') THEN 'send' END,
        ready_at = CASE state WHEN 'rejected' THEN :now ELSE ready_at END,
        settled_run = CASE WHEN state NOT IN ('rejected', 'received', 'withheld') THEN settled_run END,
        accepted_minor = CASE state WHEN 'withheld' THEN stated_minor ELSE accepted_minor END,
        reason = NULL, detail = NULL,
        state = CASE WHEN state IN ('rejected', 'withheld') THEN 'deferred' WHEN state = 'received' THEN 'unknown'
            ELSE state END WHERE id IN :deliveries
        """,
        "deliveries",
    ),
    Decision.GIVE_UP: text_with_lists(
        f"UPDATE exception SET state = 'withheld', reason = '{Reason.MAYBE_RECEIVED}' WHERE id IN :deliveries",
        "deliveries",
    ),
    Decision.ACKNOWLEDGE: text_with_lists(
        "UPDATE exception SET acknowledged_us = :now * 1000000 WHERE id IN :deliveries", "deliveries"
    ),
}
"""A received order that is perhaps not recorded is sent again byte for byte, like an unknown one. An order that the
platform holds at its old value stays; its new value can be restated. An unusual amount is sent as it is read next.
"""


def cases(ledger: Ledger, resend_us: Mapping[int, int]) -> list[Case]:
    """Return every case of these destinations, the oldest first.

    *resend_us* gives by destination how long after its first attempt an unanswered order is resent without a decision.
    """
    with ledger.transaction() as connection:
        return _cases(connection, ledger.now_us, resend_us)


def apply_decision(ledger: Ledger, decision: Decision, chosen: Collection[Case], reason: str) -> None:
    """Apply the *decision* to the *chosen* cases of one destination, and log it in the same transaction."""
    now, pages = ledger.now_us // 1_000_000, list(pages_of(case.delivery for case in chosen))
    with ledger.transaction() as connection:
        if decision is Decision.SEND:
            _reopen(connection, chosen)
        for page in pages:
            make_exceptions(connection, page)
            connection.execute(_UPDATES[decision], {"deliveries": page, "now": now})
        _store(connection, ledger.now_us, decision, chosen, reason)
        _reset_account_evidence(connection, ledger.now_us, chosen)
        judgements.record(connection, ledger.now_us, [case.delivery for case in chosen])
        facts = {
            "decision": decision,
            "destinations": sorted({case.destination for case in chosen}),
            "orders": len(chosen),
            "states": sorted({case.state for case in chosen}),
            "reason": reason,
            "operator": operator(),
        }
        log.append(connection, "decision", ledger.now_us, facts)


def _reopen(connection: Connection, chosen: Collection[Case]) -> None:
    """Let later runs extend their window to the days of these orders: an order must be read to be sent again."""
    r, d = tables.run.c, views.exceptional.c
    read_them = r.id.in_(select(d.run).where(d.id.in_([case.delivery for case in chosen])))
    with bound.changed(connection, "waiting", read_them):
        connection.execute(update(tables.run).where(read_them).values(waiting=func.coalesce(r.waiting, 0) + 1))


def _store(connection: Connection, now_us: int, decision: Decision, chosen: Collection[Case], reason: str) -> None:
    """Keep what was decided, for every order."""
    same = {"decision": decision, "at_us": now_us, "operator": operator(), "reason": reason}
    newest = connection.execute(select(func.coalesce(func.max(tables.decision.c.id), 0))).scalar_one()
    connection.execute(insert(tables.decision), [{"delivery": case.delivery, **same} for case in chosen])
    bound.bind(connection, "decision", tables.decision.c.id > newest)


def _reset_account_evidence(connection: Connection, now_us: int, chosen: Collection[Case]) -> None:
    """Store the time of a decision on an account: events sent before it are no evidence any more."""
    names = {case.destination for case in chosen if case.reason == Reason.SETUP}
    destination = tables.destination
    with bound.changed(connection, "destination", destination.c.name.in_(names)):
        connection.execute(update(destination).where(destination.c.name.in_(names)).values(decided_us=now_us))


def _cases(connection: Connection, now_us: int, resend_us: Mapping[int, int]) -> list[Case]:
    sale = tables.sale.c
    d, too_old = views.exceptional.c, views.exceptional.c.expires_at * 1_000_000 <= now_us
    past = d.first_attempt_us + case(resend_us, value=d.destination) <= now_us if resend_us else false()
    undecided = (d.state == State.UNKNOWN) & (too_old | (past & d.decision.is_(None)))
    settled = d.state.in_([State.REJECTED, State.QUARANTINED, State.EXPIRED]) & d.acknowledged_us.is_(None)
    settled |= waits_for_the_account() | ((d.reason == Reason.UNUSUAL_AMOUNT) & d.acknowledged_us.is_(None))
    query = (
        select(
            *(
                d.id,
                tables.destination.c.name,
                sale.order_no,
                sale.shown_no,
                d.day,
                d.state,
                d.reason,
                d.detail,
                too_old,
            )
        )
        .select_from(views.exceptional)
        .join(tables.destination, tables.destination.c.id == d.destination)
        .join(tables.sale, tables.sale.c.id == d.sale)
        .where(d.destination.in_(resend_us), undecided | settled)
        .order_by(d.id)
    )
    return [_case(row) for row in connection.execute(query)]


def _case(row: Sequence[Any]) -> Case:
    delivery, destination, order_no, shown_no, day, state, reason, detail, too_old = row
    choices = _choices(state, reason, detail, too_old=bool(too_old))
    return Case(delivery, destination, order_no, day, state, reason, detail, choices, shown_no)


def _choices(state: str, reason: str | None, detail: str | None, *, too_old: bool) -> tuple[Decision, ...]:
    """Return the possible decisions; a decision cannot replace a buyer's consent."""
    send = () if too_old or (reason == Reason.SETUP and of_consent(detail)) else (Decision.SEND,)
    if state == State.UNKNOWN:
        return (*send, Decision.GIVE_UP)
    return (*send, Decision.ACKNOWLEDGE) if reason in {Reason.SETUP, Reason.UNUSUAL_AMOUNT} else (Decision.ACKNOWLEDGE,)
