"""Recipient notices of an erasure (GDPR art. 19): open until an operator closes them."""

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, select, text, update

from conversions.errors import Usage
from conversions.ledger import log, runs
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.store import Ledger, instant

_task, _erasure = tables.task.c, tables.erasure.c
_REFERENCES = text(f"""
    SELECT DISTINCT d.wire_id FROM json_each(:covered) j
    JOIN event e ON e.id BETWEEN json_extract(j.value, '$[0]') AND json_extract(j.value, '$[1]')
    JOIN delivery d ON d.id = e.id >> {REVISION_BITS}
    WHERE d.wire_id IS NOT NULL AND (d.attempted OR d.revision > 0)
    AND d.destination IN (SELECT r.destination FROM request r WHERE r.recipient = :recipient) ORDER BY d.id
""")


@dataclass(frozen=True, slots=True)
class RecipientNotice:
    """A notice to one recipient about one erasure."""

    id: int
    case: str
    recipient: str
    what: str
    opened: datetime
    """Aware, UTC."""
    closed: datetime | None
    reason: str | None
    """Why it was closed: how the recipient was informed, or the answer."""
    references: tuple[str, ...]
    """The recipient's ids of the person's orders, while the notice is open."""


def notices(ledger: Ledger) -> list[RecipientNotice]:
    """Every notice, oldest first."""
    query = (
        select(tables.task, _erasure.case_no, tables.leaf.c.body)
        .join(tables.erasure, _erasure.id == _task.erasure)
        .join(tables.leaf, tables.leaf.c.seq == _erasure.leaf)
        .order_by(_task.id)
    )
    with ledger.transaction() as connection:
        return [
            RecipientNotice(
                row.id,
                row.case_no,
                row.recipient,
                row.what,
                instant(row.opened_us),
                instant(row.closed_us) if row.closed_us else None,
                row.closed_reason,
                () if row.closed_us else _references(connection, row.body, row.recipient),
            )
            for row in connection.execute(query).all()
        ]


def close(ledger: Ledger, task: int, reason: str) -> None:
    """Close a notice; *reason* says how the recipient was informed. Raises Usage where no such task is open."""
    with ledger.transaction() as connection:
        now = ledger.now_us
        closed = connection.execute(
            update(tables.task)
            .where(_task.id == task, _task.closed_us.is_(None))
            .values(closed_us=now, closed_reason=reason)
            .returning(_task.id)
        ).first()
        if closed is None:
            raise Usage(f"No task {task} is open; `conversions privacy tasks` lists them.")
        facts = {"task": task, "reason": reason, "operator": runs.operator()}
        log.append(connection, "task closed", now, facts, epoch=ledger.epoch)


def _references(connection: Connection, leaf: str, recipient: str) -> tuple[str, ...]:
    """The erasure does not store the person; its log entry names the events that were erased together."""
    covered = orjson.dumps(orjson.loads(leaf)["events"]).decode()
    return tuple(connection.execute(_REFERENCES, {"covered": covered, "recipient": recipient}).scalars())
