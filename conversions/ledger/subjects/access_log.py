"""Who looked up a person, when and why: the person may ask for that, too (CJEU C-579/21)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from conversions.ledger import log
from conversions.ledger.runs import operator
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant

_table = tables.look.c


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One look-up. Who looked is kept in the store and is not part of the answer to the person."""

    at: datetime
    """Aware, UTC."""
    purpose: str


def record(ledger: Ledger, purpose: str, subject: bytes | None, case: str | None = None) -> None:
    """Keep that somebody looks, before anything is shown; *subject* None: at many people at once.

    *purpose* holds no personal data, and the leaf nothing of the person.
    """
    with ledger.transaction() as connection:
        now, by = ledger.now_us, operator()
        leaf = log.append(connection, "look", now, {"operator": by, "purpose": purpose, "case": case})
        looked = {"at_us": now, "operator": by, "purpose": purpose, "subject": subject, "leaf": leaf}
        connection.execute(insert(tables.look).values(looked))


def records_of(ledger: Ledger, subject: bytes) -> list[AccessRecord]:
    """Every look-up of one person, oldest first."""
    query = select(_table.at_us, _table.purpose).where(_table.subject == subject).order_by(_table.id)
    with ledger.transaction() as connection:
        rows = connection.execute(query).all()
    return [AccessRecord(instant(at), purpose) for at, purpose in rows]
