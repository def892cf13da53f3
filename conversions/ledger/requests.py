"""Write-ahead requests: what is about to leave is on disk before its first byte is written, what came back after.

``intend`` asks everything again inside the transaction that commits an attempt: objection, age, policy, epoch.
``settle`` says what the answer means for every order of the request, and what is to be sent next.
"""

import hmac
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import accumulate, repeat
from typing import Any

import orjson
from sqlalchemy import Connection, CursorResult, insert, select, text, update

from conversions.conversion import Reason
from conversions.errors import DisclosureError
from conversions.ledger import log, tables
from conversions.ledger.attempt import Attempt, Claim, Examined, Outbox, Purpose, Settled, Work, follows
from conversions.ledger.matrix import State
from conversions.ledger.merkle import root_of
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.ledger.tables import REVISION_BITS
from conversions.receipt import Next, Outcome, Receipt

__all__ = [
    "Attempt",
    "Claim",
    "Examined",
    "Outbox",
    "Purpose",
    "Settled",
    "Work",
    "claim",
    "examine",
    "examined",
    "intend",
    "recover",
    "settle",
]

_ROW = "SELECT e.id, e.salt, e.bytes, d.id"
_NEWEST = f"JOIN event e ON e.id = d.id << {REVISION_BITS} | d.revision"
_WAITING = text(f"""
    {_ROW} FROM delivery d {_NEWEST}
    WHERE d.run = :run AND d.destination = :destination AND d.id > :after AND d.state = 'pending'
    ORDER BY d.id LIMIT :most
""")
_UNANSWERED = text(f"""
    {_ROW} FROM (
        SELECT DISTINCT x.event >> {REVISION_BITS} AS id FROM request r JOIN request_event x ON x.request = r.id
        WHERE r.outcome = 'unknown' AND r.destination = :destination
    ) u JOIN delivery d ON d.id = u.id {_NEWEST}
    WHERE d.state = 'unknown' AND d.id > :after
    AND d.first_attempt_us + :resend_us > :now_us AND d.expires_at * 1000000 > :now_us
    ORDER BY d.id LIMIT :most
""")
_AGAIN = text(f"""
    {_ROW} FROM json_each(:events) j JOIN event e ON e.id = j.value JOIN delivery d ON d.id = e.delivery
    WHERE d.state IN ('pending', 'unknown') ORDER BY j.key
""")
_DOUBTFUL = text("""
    SELECT e.id, d.id AS delivery, d.state, d.expires_at, d.first_attempt_us, o.id AS objection
    FROM json_each(:events) j JOIN event e ON e.id = j.value JOIN delivery d ON d.id = e.delivery
    LEFT JOIN objection o ON o.subject = e.subject AND o.removed_us IS NULL
    WHERE d.state <> 'pending' OR o.id IS NOT NULL OR d.expires_at <= :now
""")
"""Whatever of a claim needs a second look in the transaction that commits it; mostly nothing."""
_OF_REQUEST = f"WHERE id IN (SELECT event >> {REVISION_BITS} FROM request_event WHERE request = :request)"
_FLY = text(f"""
    UPDATE delivery SET state = 'in_flight', attempted = 1, first_attempt_us = coalesce(first_attempt_us, :now_us)
    WHERE id IN (SELECT value >> {REVISION_BITS} FROM json_each(:events))
""")
_FLY_IF_FREE = text(f"""
    {_FLY.text} AND state = 'pending' AND expires_at > :now AND (
        NOT EXISTS (SELECT 1 FROM objection WHERE removed_us IS NULL)
        OR NOT EXISTS (
            SELECT 1 FROM event e JOIN objection o ON o.subject = e.subject AND o.removed_us IS NULL
            WHERE e.id = delivery.id << {REVISION_BITS} | delivery.revision
        )
    )
""")
"""Asks and moves at once: as many rows as the claim has events, or somebody needs a second look."""
_LAND = text(f"""
    UPDATE delivery SET state = :state, reason = NULL, settled_run = :settled_run,
    first_attempt_us = CASE WHEN :state = 'pending' THEN NULL ELSE first_attempt_us END {_OF_REQUEST}
""")
"""Refused or not sent at all: the platform's window begins with a later attempt."""


def claim(ledger: Ledger, run: Run, outbox: Outbox, work: Work) -> Claim | None:
    """The next events of *work*, at most what one request takes, or None where none is left."""
    while True:
        with ledger.transaction() as connection:
            rows = _fitting(outbox, _next(connection, ledger, run, outbox, work))
            if not rows:
                return None
            if work.events is None:  # a cursor keeps the search from starting over
                outbox.claimed[work.purpose] = rows[-1][3]
            if work.purpose is Purpose.RESEND:
                rows = _still_listed(connection, run, outbox, rows)
        if rows:
            events, salts, bodies, _ = zip(*rows, strict=True)
            return Claim(work, events, salts, bodies)
        if work.events is not None:
            return None


def examine(outbox: Outbox, claimed: Claim) -> Examined:
    """The finished body, held against the disclosure policy. Raises DisclosureError where it does not fit."""
    return examined(outbox.prefix, outbox.suffix, claimed.salts, claimed.bodies, outbox.check)


def examined(
    prefix: bytes,
    suffix: bytes,
    salts: Sequence[bytes],
    bodies: Sequence[bytes],
    check: Callable[[bytes, int], tuple[str, ...]],
) -> Examined:
    """``examine``, of plain values that can travel to another process."""
    body = prefix + b",".join(bodies) + suffix
    paths = check(body, len(bodies))
    commitments = list(map(hmac.digest, salts, bodies, repeat("sha256")))
    return Examined(body, paths, root_of(commitments).hex())


def intend(ledger: Ledger, run: Run, outbox: Outbox, claimed: Claim, examined: Examined) -> Attempt | list[Work]:
    """Commit the attempt; or, where not all of it may be sent any more, say so in the store and return what may.

    Raises LedgerError where the store fails or is another run's now.
    """
    with ledger.transaction() as connection:
        log.still_ours(connection, run.epoch)
        if _fly(connection, ledger.now_us, claimed):
            return _commit(connection, ledger, run, outbox, claimed, examined)
        left_out = _ask_again(connection, ledger.now_us, run, outbox, claimed)
        if not left_out:
            connection.execute(_FLY, _flight(ledger.now_us, claimed))
            return _commit(connection, ledger, run, outbox, claimed, examined)
        left = tuple(event for event in claimed.events if event not in left_out)
        return [replace(claimed.work, events=left)] if left else []


def settle(ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt) -> Settled:
    """Record the answer and move every order of the request."""
    with ledger.transaction() as connection:
        states = {Outcome.RECEIVED: State.RECEIVED, Outcome.UNKNOWN: State.UNKNOWN}
        unanswered_before = attempt.work.purpose is Purpose.RESEND
        back = State.UNKNOWN if unanswered_before else State.PENDING
        state = states.get(receipt.outcome, back)
        settled_run = run.id if state is State.RECEIVED else None
        connection.execute(_LAND, {"state": state, "settled_run": settled_run, "request": attempt.request})
        again = follows(attempt, receipt, still_unknown=state is State.UNKNOWN)
        quarantined = _quarantine(connection, run, attempt, receipt) if receipt.next is Next.ISOLATE else 0
        _record(connection, ledger.now_us, attempt.request, receipt, epoch=run.epoch)
        return Settled(again, quarantined)


def recover(ledger: Ledger) -> None:
    """After a kill: every intent without an outcome becomes unknown, and so do its orders."""
    with ledger.transaction() as connection:
        open_requests = connection.execute(
            select(tables.request.c.id).where(tables.request.c.outcome.is_(None)).order_by(tables.request.c.id)
        ).scalars()
        for request in list(open_requests):
            connection.execute(_LAND, {"state": State.UNKNOWN, "settled_run": None, "request": request})
            killed = Receipt(Outcome.UNKNOWN, Next.RETRY, "run was killed")
            _record(connection, ledger.now_us, request, killed, epoch=ledger.epoch)


def _next(
    connection: Connection, ledger: Ledger, run: Run, outbox: Outbox, work: Work
) -> Sequence[tuple[int, bytes, bytes, int]]:
    """Event, salt, bytes and delivery, in the order of their positions."""
    if work.events is not None:
        return _plain(connection.execute(_AGAIN, {"events": orjson.dumps(work.events).decode()}))
    asked = {"destination": outbox.destination, "after": outbox.claimed[work.purpose], "most": outbox.max_events}
    if work.purpose is Purpose.RESEND:
        window = {"now_us": ledger.now_us, "resend_us": outbox.resend_us}
        return _plain(connection.execute(_UNANSWERED, asked | window))
    return _plain(connection.execute(_WAITING, asked | {"run": run.id}))


def _plain(result: CursorResult[Any]) -> list[tuple[int, bytes, bytes, int]]:
    """The driver's own tuples: a hundred thousand Row objects would cost more than the query."""
    assert result.cursor is not None
    return result.cursor.fetchall()  # type: ignore[return-value]


def _fitting(outbox: Outbox, rows: Sequence[tuple[int, bytes, bytes, int]]) -> Sequence[tuple[int, bytes, bytes, int]]:
    """As many rows as the platform takes in one body, and one in any case."""
    room = outbox.max_bytes - len(outbox.prefix) - len(outbox.suffix)
    sizes = list(accumulate(len(body) + 1 for _, _, body, _ in rows))
    return rows[: max(1, bisect_right(sizes, room))]


def _flight(now_us: int, claimed: Claim) -> dict[str, object]:
    return {"events": orjson.dumps(claimed.events).decode(), "now_us": now_us, "now": now_us // 1_000_000}


def _fly(connection: Connection, now_us: int, claimed: Claim) -> bool:
    """Ask for the whole claim at once whether it may be sent now, and mark it; nothing is marked where some may not."""
    if claimed.work.purpose is Purpose.RESEND:
        return False
    with connection.begin_nested() as asked:
        if connection.execute(_FLY_IF_FREE, _flight(now_us, claimed)).rowcount == len(claimed.events):
            return True
        asked.rollback()
    return False


def _ask_again(connection: Connection, now_us: int, run: Run, outbox: Outbox, claimed: Claim) -> set[int]:
    """Whom sending is forbidden or too late now: said in the store, and returned to be left out."""
    left_out = set()
    for row in connection.execute(_DOUBTFUL, _flight(now_us, claimed)).all():
        in_time = row.state == State.UNKNOWN and row.first_attempt_us + outbox.resend_us > now_us
        if row.state not in {State.PENDING, State.UNKNOWN}:
            pass  # another request has taken it meanwhile
        elif row.objection is not None:
            reason = Reason.OBJECTION if row.state == State.PENDING else Reason.MAYBE_RECEIVED
            _move(connection, run, row.delivery, State.WITHHELD, reason)
        elif row.state == State.PENDING:
            _move(connection, run, row.delivery, State.EXPIRED, Reason.TOO_OLD)
        elif in_time and row.expires_at * 1_000_000 > now_us:
            continue
        # else too late to be counted once, or at all: it stays unknown, and a person decides
        left_out.add(row.id)
    return left_out


def _still_listed(
    connection: Connection, run: Run, outbox: Outbox, rows: Sequence[tuple[int, bytes, bytes, int]]
) -> Sequence[tuple[int, bytes, bytes, int]]:
    """Bytes of an earlier run that today's policy lets leave; the others stay: the policy changed, it is no mistake."""
    log.still_ours(connection, run.epoch)
    listed = []
    for row in rows:
        try:
            outbox.check(outbox.prefix + row[2] + outbox.suffix, 1)
            listed.append(row)
        except DisclosureError:
            _move(connection, run, row[3], State.WITHHELD, Reason.MAYBE_RECEIVED)
    return listed


def _commit(
    connection: Connection, ledger: Ledger, run: Run, outbox: Outbox, claimed: Claim, examined: Examined
) -> Attempt:
    """The bytes, the orders in flight, the leaf: one transaction."""
    work, count = claimed.work, len(claimed.events)
    now = ledger.now_us
    number = connection.execute(text("SELECT coalesce(max(id), 0) + 1 FROM request")).scalar_one()
    leaf = log.append(
        connection,
        "intent",
        now,
        {
            "request": number,
            "parent": work.parent,
            "run": run.id,
            "purpose": work.purpose,
            "attempt": work.attempt,
            "destination": outbox.name,
            "recipient": outbox.recipient,
            "url": outbox.url,
            "events": count,
            "bytes": len(examined.body),
            "paths": list(examined.paths),
            "policy": run.policy,
            "policy_version": run.policy_version,
            "rules": outbox.rules,
            "legal_basis": run.legal_basis,
            "envelope": sha256(b"\0".join([outbox.headers.encode(), outbox.prefix, outbox.suffix])).hexdigest(),
            "commitments": examined.commitments,
        },
        epoch=run.epoch,
    )
    connection.execute(
        insert(tables.request).values(
            id=number,
            run=run.id,
            destination=outbox.destination,
            parent=work.parent,
            purpose=work.purpose,
            attempt=work.attempt,
            recipient=outbox.recipient,
            url=outbox.url,
            headers=outbox.headers,
            prefix=outbox.prefix,
            suffix=outbox.suffix,
            events=count,
            policy=run.policy,
            rules=outbox.rules,
            intended_us=now,
            leaf=leaf,
        )
    )
    connection.exec_driver_sql(
        "INSERT INTO request_event VALUES (?, ?, ?)", list(zip(repeat(number), range(count), claimed.events))
    )
    return Attempt(number, examined.body, claimed.events, work)


def _quarantine(connection: Connection, run: Run, attempt: Attempt, receipt: Receipt) -> int:
    """Set the culprits aside, with what the platform said of them; how many."""
    faults = {c.position: f"{receipt.code} {c.code} {c.field}".strip() for c in receipt.culprits}
    if not faults and len(attempt.events) == 1:
        faults = {0: receipt.code}
    for position, detail in faults.items():
        delivery = connection.execute(
            select(tables.event.c.delivery).where(tables.event.c.id == attempt.events[position])
        ).scalar_one()
        _move(connection, run, delivery, State.QUARANTINED, Reason.REFUSED_BY_PLATFORM)
        connection.execute(update(tables.delivery).where(tables.delivery.c.id == delivery).values(detail=detail))
    return len(faults)


def _record(connection: Connection, now_us: int, request: int, receipt: Receipt, *, epoch: int | None) -> None:
    facts = {
        "outcome": receipt.outcome,
        "http_status": receipt.http_status,
        "code": receipt.code,
        "reference": receipt.reference,
    }
    leaf = log.append(connection, "outcome", now_us, {"request": request, **facts}, epoch=epoch)
    connection.execute(
        update(tables.request)
        .where(tables.request.c.id == request)
        .values(**facts, answered_us=now_us, outcome_leaf=leaf, warnings=orjson.dumps(receipt.warnings).decode())
    )


def _move(connection: Connection, run: Run, delivery: int, state: State, reason: Reason) -> None:
    moved = {"state": state, "reason": reason, "settled_run": run.id}
    connection.execute(update(tables.delivery).where(tables.delivery.c.id == delivery).values(**moved))
