"""What this reading says, judged against what the ledger holds; reads only, so that a plan is a run that stops here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select

from conversions.conversion import Money, Reason
from conversions.ledger import tables
from conversions.ledger.matrix import FORBIDDEN, Draft, Known, State, Step, judge
from conversions.ledger.sightings import Sighting, Sightings
from conversions.ledger.store import Ledger


class Judged(NamedTuple):
    """One order at one destination: what is held, what is said, and the step that follows."""

    sighting: Sighting
    draft: Draft
    destination: int
    """Position in the settings."""
    sale: int | None
    held: Row[Any] | None
    step: Step
    objects: bool


def judged(ledger: Ledger, sightings: Sightings, shop: str, destinations: Sequence[int]) -> Iterator[list[Judged]]:
    """Judge every sighting at every destination, page by page; writes nothing.

    *destinations* are the ledger's numbers, in the settings' order; 0 for one that the ledger has not met yet.
    """
    for page in sightings.pages():
        with ledger.transaction() as connection:
            objecting = _objecting(connection, page)
            sales = _sales(connection, shop, page)
            held = _held(connection, sales.values(), destinations)
        yield [
            _judged(sighting, draft, position, sales.get(sighting.order_no), held, number, objecting)
            for sighting in page
            for position, (draft, number) in enumerate(zip(sighting.drafts, destinations, strict=True))
        ]


def known_numbers(ledger: Ledger, names: Iterable[str]) -> list[int]:
    """The ledger's numbers of destinations, 0 where it has not met one yet; writes nothing."""
    with ledger.transaction() as connection:
        rows = connection.execute(select(tables.destination.c.name, tables.destination.c.id))
        held = {str(name): int(number) for name, number in rows}
    return [held.get(name, 0) for name in names]


def _judged(
    sighting: Sighting,
    draft: Draft,
    position: int,
    sale: int | None,
    held: Mapping[tuple[int, int], Row[Any]],
    number: int,
    objecting: set[bytes],
) -> Judged:
    objects = sighting.subject in objecting
    if objects and draft.reason not in FORBIDDEN:
        draft = Draft(Reason.OBJECTION, quarantined=False, due=draft.due, fingerprint=draft.fingerprint)
    row = held.get((sale, number)) if sale is not None else None
    step = Step.REPLACE if row is None else judge(_known(row), draft)
    return Judged(sighting, draft, position, sale, row, step, objects)


def _known(row: Row[Any]) -> Known:
    value = None if row.value_minor is None else Money(row.value_minor, row.value_currency, row.value_exponent)
    return Known(State(row.state), row.reason, value, row.fingerprint)


def _objecting(connection: Connection, page: Sequence[Sighting]) -> set[bytes]:
    objection = tables.objection.c
    if connection.execute(select(func.count()).select_from(tables.objection)).scalar_one() == 0:
        return set()
    subjects = {s.subject for s in page if s.subject}
    rows = connection.execute(
        select(objection.subject).where(objection.removed_us.is_(None), objection.subject.in_(subjects))
    )
    return {bytes(subject) for (subject,) in rows}


def _sales(connection: Connection, shop: str, page: Sequence[Sighting]) -> dict[str, int]:
    sale = tables.sale.c
    rows = connection.execute(
        select(sale.order_no, sale.id).where(sale.shop == shop, sale.order_no.in_([s.order_no for s in page]))
    )
    return {str(order_no): int(number) for order_no, number in rows}


def _held(connection: Connection, sales: Iterable[int], destinations: Sequence[int]) -> dict[tuple[int, int], Row[Any]]:
    keys = [tables.delivery_key(sale, destination) for sale in sales for destination in destinations]
    if not keys:
        return {}
    rows = connection.execute(select(tables.delivery).where(tables.delivery.c.id.in_(keys)))
    return {(row.sale, row.destination): row for row in rows}
