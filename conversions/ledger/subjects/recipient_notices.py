"""Recipient notices of an erasure or a rectification (GDPR art. 19): open until an operator closes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, insert, select, text, update

from conversions.errors import Usage
from conversions.ledger import log, runs
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.keys import deliveries_of
from conversions.ledger.schema.sql import deliveries_of as deliveries_in
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.store import Ledger, instant
from conversions.model.subject import Person

_task, _erasure, _rectification = tables.task.c, tables.erasure.c, tables.rectification.c
_SENT = "(d.attempted > 0 OR d.revision > 0)"
_OF_RECIPIENT = "d.destination IN (SELECT r.destination FROM request r WHERE r.recipient = :recipient)"
_RECIPIENTS = text_with_lists(
    f"""
    SELECT DISTINCT r.recipient FROM request r WHERE r.destination IN (
        SELECT d.destination FROM delivery d WHERE d.id IN :deliveries AND {_SENT}
    )
    """,
    "deliveries",
)
_REFERENCES = text(f"""
    SELECT d.id, d.wire_id FROM event e JOIN delivery d ON d.id = e.id >> {REVISION_BITS}
    WHERE e.id BETWEEN :first AND :last AND d.wire_id IS NOT NULL AND {_SENT} AND {_OF_RECIPIENT}
""")
_RECTIFIED_REFERENCES = text(f"""
    SELECT d.wire_id FROM rectified_order j JOIN delivery d ON d.sale = j.sale AND d.id {deliveries_in("j.sale")}
    WHERE j.rectification = :rectification AND d.wire_id IS NOT NULL AND {_SENT} AND {_OF_RECIPIENT} ORDER BY d.id
""")


@dataclass(frozen=True, slots=True)
class RecipientNotice:
    """A notice to one recipient about one erasure or rectification."""

    id: int
    case: str
    recipient: str
    what: str
    """erase | rectify."""
    opened: datetime
    """Aware, UTC."""
    closed: datetime | None
    reason: str | None
    """Why it was closed: how the recipient was informed, or the answer."""
    references: tuple[str, ...]
    """The recipient's ids of the person's orders, while the notice is open."""
    erasure: int | None = None
    rectification: int | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure of a person's data."""

    id: int
    at: datetime
    """Aware, UTC."""
    case: str


def recipients(connection: Connection, sales: Sequence[int]) -> list[str]:
    """Everybody to whom an order of *sales* was sent, or may have been."""
    names = set[str]()
    for page in pages_of(deliveries_of(connection, sales)):
        names.update(connection.execute(_RECIPIENTS, {"deliveries": page}).scalars())
    return sorted(names)


def open_notices(connection: Connection, now_us: int, names: Sequence[str], what: str, **cause: int) -> None:
    """Open one notice for each recipient in *names*; *cause* is the ``erasure`` or the ``rectification``."""
    rows = [{**cause, "recipient": name, "what": what, "opened_us": now_us} for name in names]
    if rows:
        connection.execute(insert(tables.task), rows)
        bound.bind(connection, "task", *(_task[name] == number for name, number in cause.items()))


def erasures(connection: Connection, person: Person) -> list[Erasure]:
    """The erasures of this person's data, oldest first."""
    entry = tables.objection.c
    rows = connection.execute(select(entry.id, entry.person).where(entry.subject.in_(person))).all()
    entries = {number for row in rows for number in row if number is not None}
    query = select(tables.erasure).where(_erasure.entry.in_(entries)).order_by(_erasure.id)
    return [Erasure(row.id, instant(row.at_us), row.case_no) for row in connection.execute(query)]


def notices(ledger: Ledger) -> list[RecipientNotice]:
    """Every notice, oldest first."""
    case = func.coalesce(_erasure.case_no, _rectification.case_no).label("case_no")
    query = (
        select(tables.task, case, tables.leaf.c.body)
        .outerjoin(tables.erasure, _erasure.id == _task.erasure)
        .outerjoin(tables.rectification, _rectification.id == _task.rectification)
        .outerjoin(tables.leaf, tables.leaf.c.seq == _erasure.leaf)
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
                () if row.closed_us else _references(connection, row),
                row.erasure,
                row.rectification,
            )
            for row in connection.execute(query).all()
        ]


def close(ledger: Ledger, task: int, reason: str) -> None:
    """Close a notice; *reason* says how the recipient was informed. Raises Usage where no such task is open."""
    with ledger.transaction() as connection:
        now = ledger.now_us
        is_open = (_task.id == task, _task.closed_us.is_(None))
        if connection.execute(select(_task.id).where(*is_open)).first() is None:
            raise Usage(f"No task {task} is open; `conversions privacy tasks` lists them.")
        with bound.changed(connection, "task", *is_open):
            connection.execute(update(tables.task).where(*is_open).values(closed_us=now, closed_reason=reason))
        facts = {"task": task, "reason": reason, "operator": runs.operator()}
        log.append(connection, "task closed", now, facts, epoch=ledger.epoch)


def _references(connection: Connection, row: Row[Any]) -> tuple[str, ...]:
    """An erasure does not name its orders; its log entry names the events that were erased together."""
    if row.rectification:
        parameters = {"rectification": row.rectification, "recipient": row.recipient}
        return tuple(connection.execute(_RECTIFIED_REFERENCES, parameters).scalars())
    ids = dict[int, str]()
    for first, last in orjson.loads(row.body)["events"]:
        events = {"first": first, "last": last, "recipient": row.recipient}
        ids.update((each.id, each.wire_id) for each in connection.execute(_REFERENCES, events))
    return tuple(dict.fromkeys(ids[delivery] for delivery in sorted(ids)))
