"""The suppression list: objections (GDPR art. 21), restrictions (art. 18), withdrawn consents (art. 7(3)) and erasures.

The transaction that commits an attempt reads it. A person has at most one active entry of each kind: one row for each
of the person's subjects, the first of which stands for the entry.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant
from conversions.model.conversion import Reason
from conversions.model.subject import Person

_table = tables.objection.c


class SuppressionKind(StrEnum):
    """Why a person is on the list. With several kinds, the first in alphabetical order gives the reason."""

    ERASURE = "erasure"
    OBJECTION = "objection"
    RESTRICTION = "restriction"
    WITHDRAWAL = "withdrawal"


REASON_FOR = {
    SuppressionKind.ERASURE: Reason.OBJECTION,
    SuppressionKind.OBJECTION: Reason.OBJECTION,
    SuppressionKind.RESTRICTION: Reason.RESTRICTED,
    SuppressionKind.WITHDRAWAL: Reason.WITHDRAWN,
}
"""Reason why an order of such a person is withheld."""
_LEAF = {
    SuppressionKind.ERASURE: "suppression",
    SuppressionKind.OBJECTION: "objection",
    SuppressionKind.RESTRICTION: "restriction",
    SuppressionKind.WITHDRAWAL: "withdrawal",
}
_FIRST = func.coalesce(_table.person, _table.id)
"""The row that stands for the person's entry."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry of the list, without the person."""

    id: int
    since: datetime
    """Aware, UTC."""
    removed: datetime | None
    reason: str | None
    kind: SuppressionKind = SuppressionKind.OBJECTION
    case: str | None = None
    removed_reason: str | None = None


def add(
    ledger: Ledger,
    person: Person,
    reason: str | None,
    kind: SuppressionKind = SuppressionKind.OBJECTION,
    case: str | None = None,
) -> bool:
    """Withhold this person's orders at every destination; False if an entry of this *kind* is active already.

    An entry from before a key rotation is completed with the subject under the new key.
    """
    with ledger.transaction() as connection:
        active_rows = select(_FIRST, _table.subject).where(*_active(person, kind)).order_by(_table.id)
        known = connection.execute(active_rows).all()
        first = known[0][0] if known else None
        for subject in person:
            if subject not in {row.subject for row in known}:
                now = ledger.now_us
                row = {"subject": subject, "since_us": now, "reason": reason, "kind": kind, "case_no": case}
                new = insert(tables.objection).values(**row, person=first).returning(_table.id)
                entry = connection.execute(new).scalar_one()
                bound.bind(connection, "objection", _table.id == entry)
                more = {"person": first} if first else {}
                log.append(connection, _LEAF[kind], now, {"entry": entry, "case": case, **more})
                first = first or entry
        return not known


def remove(ledger: Ledger, person: Person, reason: str, kind: SuppressionKind = SuppressionKind.OBJECTION) -> bool:
    """Remove the person's entry at their request; False if no entry of this *kind* is active."""
    with ledger.transaction() as connection:
        person_entries = select(_FIRST).where(*_active(person, kind))
        rows = select(_table.id).where(_FIRST.in_(person_entries), _table.removed_us.is_(None)).order_by(_table.id)
        entries = connection.execute(rows).scalars().all()
        for entry in entries:
            now = ledger.now_us
            removal = update(tables.objection).where(_table.id == entry).values(removed_us=now, removed_reason=reason)
            with bound.changed(connection, "objection", _table.id == entry):
                connection.execute(removal)
            log.append(connection, f"{_LEAF[kind]} removed", now, {"entry": entry})
        return bool(entries)


def entries(ledger: Ledger, person: Person | None = None) -> list[Suppression]:
    """Every entry, removed ones included, oldest first; with *person* only the entries of one person."""
    query = select(tables.objection, _FIRST.label("first")).order_by(_table.id)
    with ledger.transaction() as connection:
        rows = connection.execute(query if person is None else query.where(_table.subject.in_(person))).all()
    entry_by_person: dict[object, Suppression] = {}
    for row in rows:
        # A store from before schema 0005 does not say which active entries are of one person; *person* does.
        one = row.kind if person is not None and not row.removed_us else row.first
        entry_by_person.setdefault(
            (one, row.removed_us is None),
            Suppression(
                row.first,
                instant(row.since_us),
                instant(row.removed_us) if row.removed_us else None,
                row.reason,
                SuppressionKind(row.kind),
                row.case_no,
                row.removed_reason,
            ),
        )
    return list(entry_by_person.values())


def active(ledger: Ledger) -> dict[bytes, Reason]:
    """Each subject with an active entry, and the reason why its orders are withheld."""
    query = select(_table.subject, _table.kind).where(_table.removed_us.is_(None)).order_by(_table.kind.desc())
    with ledger.transaction() as connection:
        return {subject: REASON_FOR[SuppressionKind(kind)] for subject, kind in connection.execute(query)}


def active_since(connection: Connection, entry: int) -> tuple[int, dict[bytes, Reason]]:
    """Return the highest number of the list, and each subject with an active entry of a number above *entry*."""
    newest = connection.execute(select(func.coalesce(func.max(_table.id), 0))).scalar_one()
    query = select(_table.subject, _table.kind).where(_table.id > entry, _table.removed_us.is_(None))
    rows = connection.execute(query.order_by(_table.kind.desc()))
    return newest, {subject: REASON_FOR[SuppressionKind(kind)] for subject, kind in rows}


def restricted(connection: Connection) -> list[bytes]:
    """Each subject whose data may only be stored (GDPR art. 18(2))."""
    query = select(_table.subject).where(_table.kind == SuppressionKind.RESTRICTION, _table.removed_us.is_(None))
    return list(connection.execute(query).scalars())


def _active(person: Person, kind: SuppressionKind) -> tuple[ColumnElement[bool], ...]:
    return _table.subject.in_(person), _table.kind == kind, _table.removed_us.is_(None)
