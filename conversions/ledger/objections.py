"""Who objected (GDPR art. 21), as keyed subjects; asked inside the transaction that commits an attempt."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select, update

from conversions.ledger import log, tables
from conversions.ledger.store import Ledger

_table = tables.objection.c


@dataclass(frozen=True, slots=True)
class Objection:
    """One entry of the list; the person is not in it."""

    id: int
    since: datetime
    """Aware, UTC."""
    removed_at: datetime | None
    reason: str | None


def add(ledger: Ledger, subject: bytes, reason: str | None) -> bool:
    """Enter an objection, in force from the next attempt on; False where it is already in force."""
    with ledger.transaction() as connection:
        held = select(_table.id).where(_table.subject == subject, _table.removed_us.is_(None))
        if connection.execute(held).first():
            return False
        now = ledger.now_us
        entry = connection.execute(
            insert(tables.objection).values(subject=subject, since_us=now, reason=reason).returning(_table.id)
        ).scalar_one()
        log.append(connection, "objection", now, {"entry": entry})
        return True


def remove(ledger: Ledger, subject: bytes, reason: str) -> bool:
    """Take an objection back, at the person's wish; False where there is none in force."""
    with ledger.transaction() as connection:
        now = ledger.now_us
        entry = connection.execute(
            update(tables.objection)
            .where(_table.subject == subject, _table.removed_us.is_(None))
            .values(removed_us=now, removed_reason=reason)
            .returning(_table.id)
        ).scalar()
        if entry is None:
            return False
        log.append(connection, "objection removed", now, {"entry": entry})
        return True


def entries(ledger: Ledger) -> list[Objection]:
    """Every objection ever entered, oldest first."""
    with ledger.transaction() as connection:
        rows = connection.execute(
            select(_table.id, _table.since_us, _table.removed_us, _table.reason).order_by(_table.id)
        )
        return [Objection(i, _instant(since), _instant(gone) if gone else None, why) for i, since, gone, why in rows]


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)
