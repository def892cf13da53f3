"""What no run mends by itself: the cases that wait for a person, and what the person decides."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import orjson
from sqlalchemy import Connection, case, false, select, text, update

from conversions.ledger import log
from conversions.ledger.late_results.apply import waits_for_the_account
from conversions.ledger.runs import operator
from conversions.ledger.schema import tables
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason
from conversions.model.late_result import of_consent


class Decision(StrEnum):
    """What a person can decide."""

    SEND = "send"
    """Once more, though the platform may count it twice; or again, now that the account is mended."""
    GIVE_UP = "give-up"
    """Never again; it may have been received."""
    ACKNOWLEDGE = "acknowledge"
    """Seen; it stays as it is and is not shown any more."""


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


_AMONG = "WHERE id IN (SELECT value FROM json_each(:deliveries))"
_DO = {
    Decision.SEND: text(f"""
        UPDATE delivery SET decision = CASE WHEN state IN ('unknown', 'received') THEN 'send' END,
        ready_at = CASE state WHEN 'rejected' THEN :now ELSE ready_at END,
        settled_run = CASE WHEN state NOT IN ('rejected', 'received', 'withheld') THEN settled_run END,
        accepted_minor = CASE state WHEN 'withheld' THEN stated_minor ELSE accepted_minor END,
        reason = NULL, detail = NULL,
        state = CASE WHEN state IN ('rejected', 'withheld') THEN 'deferred' WHEN state = 'received' THEN 'unknown'
            ELSE state END {_AMONG}
    """),
    Decision.GIVE_UP: text(f"UPDATE delivery SET state = 'withheld', reason = '{Reason.MAYBE_RECEIVED}' {_AMONG}"),
    Decision.ACKNOWLEDGE: text(f"UPDATE delivery SET acknowledged_us = :now * 1000000 {_AMONG}"),
}
"""What was received, and perhaps not recorded, goes again byte for byte, like what is unknown; what the platform holds
at its old value stays, and its new one can be restated. An unusual amount is read again, and goes as it is then."""
_REOPEN = text(f"""
    UPDATE run SET waiting = coalesce(waiting, 0) + 1 WHERE id IN (SELECT run FROM delivery {_AMONG})
""")
"""Later runs reach back to their days: what is sent again is read again."""


def cases(ledger: Ledger, resend_us: Mapping[int, int]) -> list[Case]:
    """Every case of these destinations, the oldest first.

    *resend_us* has by destination how long after a first attempt an unanswered order is sent again without asking.
    """
    with ledger.transaction() as connection:
        return _cases(connection, ledger.now_us, resend_us)


def decide(ledger: Ledger, decision: Decision, chosen: Collection[Case], reason: str) -> None:
    """Do what a person decided for *chosen* cases of one destination, and log it in the same transaction."""
    among = {"deliveries": orjson.dumps([one.delivery for one in chosen]).decode()}
    with ledger.transaction() as connection:
        if decision is Decision.SEND:
            connection.execute(_REOPEN, among)
        connection.execute(_DO[decision], among | {"now": ledger.now_us // 1_000_000})
        _close_the_evidence(connection, ledger.now_us, chosen)
        facts = {
            "decision": decision,
            "destinations": sorted({one.destination for one in chosen}),
            "orders": len(chosen),
            "states": sorted({one.state for one in chosen}),
            "reason": reason,
            "operator": operator(),
        }
        log.append(connection, "decision", ledger.now_us, facts)


def _close_the_evidence(connection: Connection, now_us: int, chosen: Collection[Case]) -> None:
    """What was sent before a person decided on an account says nothing of it any more."""
    accounts = {one.destination for one in chosen if one.reason == Reason.SETUP}
    place = tables.destination
    connection.execute(update(place).where(place.c.name.in_(accounts)).values(decided_us=now_us))


def _cases(connection: Connection, now_us: int, resend_us: Mapping[int, int]) -> list[Case]:
    d, too_old = tables.delivery.c, tables.delivery.c.expires_at * 1_000_000 <= now_us
    past = d.first_attempt_us + case(resend_us, value=d.destination) <= now_us if resend_us else false()
    undecided = (d.state == State.UNKNOWN) & (too_old | (past & d.decision.is_(None)))
    settled = d.state.in_([State.REJECTED, State.QUARANTINED, State.EXPIRED]) & d.acknowledged_us.is_(None)
    settled |= waits_for_the_account() | ((d.reason == Reason.UNUSUAL_AMOUNT) & d.acknowledged_us.is_(None))
    query = (
        select(d.id, tables.destination.c.name, tables.sale.c.order_no, d.day, d.state, d.reason, d.detail, too_old)
        .select_from(tables.delivery)
        .join(tables.destination, tables.destination.c.id == d.destination)
        .join(tables.sale, tables.sale.c.id == d.sale)
        .where(d.destination.in_(resend_us), undecided | settled)
        .order_by(d.id)
    )
    return [_case(*row) for row in connection.execute(query)]


def _case(
    delivery: int,
    destination: str,
    order: str,
    day: str,
    state: str,
    reason: str | None,
    said: str | None,
    too_old: int,
) -> Case:
    choices = _choices(state, reason, said, too_old=bool(too_old))
    return Case(delivery, destination, order, day, state, reason, said, choices)


def _choices(state: str, reason: str | None, said: str | None, *, too_old: bool) -> tuple[Decision, ...]:
    """Nobody's consent is a person's to decide here."""
    send = () if too_old or (reason == Reason.SETUP and of_consent(said)) else (Decision.SEND,)
    if state == State.UNKNOWN:
        return (*send, Decision.GIVE_UP)
    return (*send, Decision.ACKNOWLEDGE) if reason in {Reason.SETUP, Reason.UNUSUAL_AMOUNT} else (Decision.ACKNOWLEDGE,)
