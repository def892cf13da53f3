"""The access log: who looked up a person, when and why. The person may ask for it, too (CJEU C-579/21)."""

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
    """One look-up. The answer to the person omits the operator; the store has it."""

    at: datetime
    """Aware, UTC."""
    purpose: str


def record_access(ledger: Ledger, purpose: str, subject: bytes | None, case: str | None = None) -> None:
    """Record a look-up before any data are shown; *subject* is None where it covers many people.

    *purpose* contains no personal data, and the leaf contains nothing about the person.
    """
    with ledger.transaction() as connection:
        now, name = ledger.now_us, operator()
        leaf = log.append(connection, "look", now, {"operator": name, "purpose": purpose, "case": case})
        row = {"at_us": now, "operator": name, "purpose": purpose, "subject": subject, "leaf": leaf}
        connection.execute(insert(tables.look).values(row))


def records_of(ledger: Ledger, subject: bytes) -> list[AccessRecord]:
    """Every look-up of one person, oldest first."""
    query = select(_table.at_us, _table.purpose).where(_table.subject == subject).order_by(_table.id)
    with ledger.transaction() as connection:
        rows = connection.execute(query).all()
    return [AccessRecord(instant(at), purpose) for at, purpose in rows]
