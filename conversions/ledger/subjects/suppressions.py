"""The suppression list of keyed subjects: objections (GDPR art. 21), withdrawn consents (art. 7(3)) and erasures.

The transaction that commits an attempt reads it. A person has at most one active entry of each kind.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, insert, select, update

from conversions.ledger import log
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant
from conversions.model.conversion import Reason

_table = tables.objection.c


class SuppressionKind(StrEnum):
    """Why a person is on the list. With several kinds, the first in alphabetical order gives the reason."""

    ERASURE = "erasure"
    OBJECTION = "objection"
    WITHDRAWAL = "withdrawal"


REASON_FOR = {
    SuppressionKind.ERASURE: Reason.OBJECTION,
    SuppressionKind.OBJECTION: Reason.OBJECTION,
    SuppressionKind.WITHDRAWAL: Reason.WITHDRAWN,
}
"""Reason why an order of such a person is withheld."""
_LEAF = {
    SuppressionKind.ERASURE: "suppression",
    SuppressionKind.OBJECTION: "objection",
    SuppressionKind.WITHDRAWAL: "withdrawal",
}


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
    subject: bytes,
    reason: str | None,
    kind: SuppressionKind = SuppressionKind.OBJECTION,
    case: str | None = None,
) -> bool:
    """Withhold this person's orders at every destination; False if an entry of this *kind* is active already."""
    with ledger.transaction() as connection:
        active_entry = select(_table.id).where(*_active(subject, kind))
        if connection.execute(active_entry).first() is not None:
            return False
        now = ledger.now_us
        row = {"subject": subject, "since_us": now, "reason": reason, "kind": kind, "case_no": case}
        entry = connection.execute(insert(tables.objection).values(**row).returning(_table.id)).scalar_one()
        log.append(connection, _LEAF[kind], now, {"entry": entry, "case": case})
        return True


def remove(ledger: Ledger, subject: bytes, reason: str, kind: SuppressionKind = SuppressionKind.OBJECTION) -> bool:
    """Remove an entry at the person's request; False if no entry of this *kind* is active."""
    with ledger.transaction() as connection:
        now = ledger.now_us
        removal = update(tables.objection).where(*_active(subject, kind)).values(removed_us=now, removed_reason=reason)
        entry = connection.execute(removal.returning(_table.id)).scalar()
        if entry is None:
            return False
        log.append(connection, f"{_LEAF[kind]} removed", now, {"entry": entry})
        return True


def entries(ledger: Ledger, subject: bytes | None = None) -> list[Suppression]:
    """Every entry, removed ones included, oldest first; with *subject* only the entries of one person."""
    query = select(tables.objection).order_by(_table.id)
    with ledger.transaction() as connection:
        rows = connection.execute(query if subject is None else query.where(_table.subject == subject)).all()
    return [
        Suppression(
            row.id,
            instant(row.since_us),
            instant(row.removed_us) if row.removed_us else None,
            row.reason,
            SuppressionKind(row.kind),
            row.case_no,
            row.removed_reason,
        )
        for row in rows
    ]


def active(ledger: Ledger) -> dict[bytes, Reason]:
    """Each subject with an active entry, and the reason why its orders are withheld."""
    query = select(_table.subject, _table.kind).where(_table.removed_us.is_(None)).order_by(_table.kind.desc())
    with ledger.transaction() as connection:
        return {subject: REASON_FOR[SuppressionKind(kind)] for subject, kind in connection.execute(query)}


def _active(subject: bytes, kind: SuppressionKind) -> tuple[ColumnElement[bool], ...]:
    return _table.subject == subject, _table.kind == kind, _table.removed_us.is_(None)
