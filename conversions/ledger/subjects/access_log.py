"""The access log: who looked at a person, an order or the sent data, when and why.

The person may ask for it, too (CJEU C-579/21). A look is recorded before anything is shown, and is kept as long as
payloads are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, or_, select

from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.runs import operator
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant, microseconds
from conversions.ledger.subjects import records
from conversions.model.subject import Person

_table = tables.look.c


class LookKind(StrEnum):
    """What somebody looked at."""

    PERSON = "person"
    PEOPLE = "people"
    """The scope of a breach."""
    ORDER = "order"
    REQUEST = "request"
    """The exact bytes of one request."""
    EXPORT = "export"
    BUNDLE = "bundle"
    SOURCE = "source"
    """A preview of the orders in the source."""
    WITHHELD = "withheld"
    """The orders that were withheld, of some days."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at data; none of its texts contains personal data."""

    kind: LookKind
    purpose: str
    case: str | None = None
    about: str | None = None
    """The number of a request, or the form and the days of an export or a bundle."""
    subject: bytes | None = None
    sale: int | None = None
    """The key of the order; the log's entry omits it, so that an erasure removes the link."""


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One look at a person. The answer to the person omits the operator; the store has it."""

    at: datetime
    """Aware, UTC."""
    purpose: str


@dataclass(frozen=True, slots=True)
class LookRecord:
    """One look, for the shop and its auditors."""

    id: int
    at: datetime
    """Aware, UTC."""
    operator: str
    kind: str
    about: str | None
    """For an order its number, None where it was erased since."""
    purpose: str
    case: str | None


def record_access(ledger: Ledger, purpose: str, subject: bytes | None, case: str | None = None) -> None:
    """Record a look at one person; *subject* is None where it covers many people."""
    record_looks(ledger, [Look(LookKind.PEOPLE if subject is None else LookKind.PERSON, purpose, case, None, subject)])


def record_looks(ledger: Ledger, looks: Iterable[Look]) -> None:
    """Record looks before any data are shown. The leaves contain nothing about a person or an order."""
    with ledger.transaction() as connection:
        now, name = ledger.now_us, operator()
        for look in looks:
            facts = {"operator": name, "of": look.kind, "about": look.about, "purpose": look.purpose, "case": look.case}
            row: dict[str, Any] = {"at_us": now, "operator": name, "purpose": look.purpose, "case_no": look.case}
            row |= {"kind": look.kind, "about": look.about, "subject": look.subject, "sale": look.sale}
            with log.entry(connection, "look", now, facts) as leaf:
                connection.execute(insert(tables.look).values(**row, leaf=leaf))
                bound.bind(connection, "look", _table.leaf == leaf)


def records_of(ledger: Ledger, person: Person) -> list[AccessRecord]:
    """Every look at one person or at an order of theirs, oldest first."""
    with ledger.transaction() as connection:
        of_person = or_(_table.subject.in_(person), _table.sale.in_(records.sales_of(connection, person)))
        rows = connection.execute(select(_table.at_us, _table.purpose).where(of_person).order_by(_table.id)).all()
    return [AccessRecord(instant(at), purpose) for at, purpose in rows]


def looks(ledger: Ledger, since: datetime | None = None) -> list[LookRecord]:
    """Every look from *since* on (aware), oldest first."""
    about = func.coalesce(_table.about, tables.sale.c.order_no)
    columns = (_table.id, _table.at_us, _table.operator, _table.kind, about, _table.purpose, _table.case_no)
    query = select(*columns).join_from(tables.look, tables.sale, tables.sale.c.id == _table.sale, isouter=True)
    first = microseconds(since) if since else 0
    with ledger.transaction() as connection:
        rows = connection.execute(query.where(_table.at_us >= first).order_by(_table.id)).all()
    return [LookRecord(number, instant(at), *rest) for number, at, *rest in rows]


def purge_looks(ledger: Ledger, before: date, before_us: int) -> int:
    """Delete looks older than the payloads that are kept, and log it; return how many."""
    with ledger.transaction() as connection:
        with bound.changed(connection, "look", _table.at_us < before_us):
            purged = connection.execute(delete(tables.look).where(_table.at_us < before_us)).rowcount
        if purged:
            facts = {"before": before.isoformat(), "before_us": before_us, "looks": purged}
            log.append(connection, "looks purged", ledger.now_us, facts, epoch=ledger.epoch)
    return purged
