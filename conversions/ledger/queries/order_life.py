"""Everything that the store has about one order: reading, judgement, requests, late results and changed values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Text, bindparam, cast, select, text

from conversions.ledger.batches.contents import bodies
from conversions.ledger.batches.parts import has_place
from conversions.ledger.queries.order_search import spellings
from conversions.ledger.restatements import eligibility
from conversions.ledger.restatements.eligibility import Candidate, ChangedValue, Restate
from conversions.ledger.restatements.unconfirmed import newest
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.dialect import json_text, pages_of, text_with_lists
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_REVISIONS, REVISION_BITS
from conversions.ledger.standing.readings import last_run
from conversions.ledger.states import SENT
from conversions.ledger.store import instant
from conversions.model.conversion import Money

MAX_ROWS_NAMED = 3
"""Unreadable rows of one order, the newest."""


@dataclass(frozen=True, slots=True)
class ReadingRun:
    """A run that read orders."""

    id: int
    at: datetime
    """Its start; aware, UTC."""
    source: str | None
    """The kind of its source: csv, parquet or sql."""
    finished: bool


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One attempt to send an event of the order."""

    id: int
    event: int
    run: int
    at: datetime
    """Aware, UTC."""
    purpose: str
    policy: str
    """SHA-256 of the policy's text."""
    outcome: str | None
    """None: under way, or its run was killed."""
    http_status: int | None
    code: str | None
    verdict: str | None
    asks_at: datetime | None
    """When the platform is asked next for the late result; aware, UTC."""
    reported_at: datetime | None
    """When the platform last reported a late result of this request; aware, UTC."""
    answered_at: datetime | None
    """Aware, UTC."""

    def is_answered(self, at: datetime) -> bool:
        """Whether the answer had come at the instant *at*."""
        return self.answered_at is not None and self.answered_at <= at


@dataclass(frozen=True, slots=True)
class DeliveryLife:
    """One order at one destination."""

    row: Row[Any]
    """The row of ``delivery``."""
    destination: str
    requests: tuple[SentRequest, ...]
    """Oldest first."""
    payload: bytes | None
    """The event that was sent last; None: never sent, or deleted."""
    revisions: tuple[Row[Any], ...]
    objection_at: datetime | None
    """Since when the buyer's objection or withdrawal is in force, where it is; aware, UTC."""

    @property
    def value(self) -> Money:
        """The value that the platform has, or would get."""
        return Money(self.row.value_minor or 0, self.row.value_currency or "", self.row.value_exponent or 0)

    @property
    def stated(self) -> Money:
        """The last value in the source."""
        return Money(self.row.stated_minor, self.row.stated_currency, self.row.stated_exponent)


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row of the source with this order's number that could not be read."""

    run: ReadingRun
    place: str
    reason: str
    field: str | None


@dataclass(frozen=True, slots=True)
class OrderLife:
    """One order."""

    order_no: str
    erased: bool
    erased_at: datetime | None
    """None where an older version of the program erased it; aware, UTC."""
    first_run: ReadingRun | None
    """None where an older version of the program read it first."""
    last_run: ReadingRun | None
    deliveries: tuple[DeliveryLife, ...]


_r, _d = tables.request.c, views.delivery.c
_DELIVERIES = (
    select(views.delivery, tables.destination.c.name)
    .join(tables.destination, tables.destination.c.id == _d.destination)
    .where(_d.id.between(bindparam("low"), bindparam("high")))
    .order_by(_d.id)
)
_REQUESTS = (
    select(tables.request)
    .join(tables.request_part, tables.request_part.c.request == _r.id)
    .where(text(has_place("request_part", ":place")))
    .order_by(_r.id)
)
_EVENTS = select(tables.event).where(tables.event.c.id.between(bindparam("first"), bindparam("last")))
_l = tables.leaf.c
_REPORT = (
    select(cast(json_text(_l.body, "t"), tables.Int))
    .where(_l.seq > bindparam("after"), _l.body.like(bindparam("pattern", type_=Text)))
    .order_by(_l.seq.desc())
    .limit(1)
)
_OBJECTION = text("""
    SELECT min(o.since_us) FROM objection o WHERE o.removed_us IS NULL AND o.subject = (
        SELECT coalesce(p.subject, a.subject) FROM sale a LEFT JOIN earlier_person p ON p.event = :event
        WHERE a.id = :sale
    )
""")
_UNREADABLE = text_with_lists(
    "SELECT id, run, place, reason, field, order_no FROM row_rejected WHERE order_no IN :numbers", "numbers"
)
_PURGES = (
    select(json_text(_l.body, "before"), cast(json_text(_l.body, "t"), tables.Int), json_text(_l.body, "events"))
    .where(_l.body.like('%"kind":"purge"%') | _l.body.like('%"kind":"shrink"%'))
    .order_by(_l.seq)
)
_DAYS = select(tables.day_read.c.day).order_by(tables.day_read.c.day)


def order_life(connection: Connection, sale: int) -> OrderLife:
    """Read one order."""
    row = connection.execute(select(tables.sale).where(tables.sale.c.id == sale)).one()
    low = sale << DESTINATION_BITS
    rows = connection.execute(_DELIVERIES, {"low": low, "high": low | (1 << DESTINATION_BITS) - 1}).all()
    return OrderLife(
        order_no=row.order_no,
        erased=any(d.state == "erased" for d in rows),
        erased_at=instant(row.erased_us) if row.erased_us else None,
        first_run=reading_run(connection, row.first_run),
        last_run=reading_run(connection, last_run(connection, sale) or max((d.run for d in rows), default=None)),
        deliveries=tuple(_delivery(connection, d) for d in rows),
    )


def reading_run(connection: Connection, number: int | None) -> ReadingRun | None:
    """The run *number* with the kind of its source."""
    run, document = tables.run.c, tables.document.c
    query = select(run.id, run.started_us, run.finished_us, document.body).join_from(
        tables.run, tables.document, document.sha256 == run.settings, isouter=True
    )
    row = connection.execute(query.where(run.id == number)).first()
    if row is None:
        return None
    return ReadingRun(row.id, instant(row.started_us), _source_kind(row.body), row.finished_us is not None)


def unreadable_rows(connection: Connection, asked: Iterable[str]) -> dict[str, list[UnreadableRow]]:
    """Return for each number of *asked* its newest unreadable rows."""
    by_spelling = {spelling: number for number in asked for spelling in spellings(number)}
    found: dict[str, list[UnreadableRow]] = {}
    pages = pages_of(by_spelling)
    unreadable = [row for page in pages for row in connection.execute(_UNREADABLE, {"numbers": page})]
    for row in sorted(unreadable, key=lambda row: row.id, reverse=True):
        rows = found.setdefault(by_spelling[row.order_no], [])
        run = reading_run(connection, row.run) if len(rows) < MAX_ROWS_NAMED else None
        if run is not None:
            rows.append(UnreadableRow(run, row.place, row.reason, row.field))
    return found


def days_read(connection: Connection) -> list[tuple[date, date]]:
    """Return the days that were read, as first and last day of each span without a gap."""
    spans: list[tuple[date, date]] = []
    for text_of_day in connection.execute(_DAYS).scalars():
        day = date.fromisoformat(text_of_day)
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def kept_from(connection: Connection) -> date | None:
    """Return the first purchase day whose orders were never deleted; None where nothing was deleted."""
    before = [date.fromisoformat(day) for day, *_ in connection.execute(_PURGES) if day]
    return max(before, default=None)


def payload_deleted_at(connection: Connection, event: int) -> datetime | None:
    """Return when retention deleted the bytes of *event* (aware, UTC)."""
    for _, at, events in connection.execute(_PURGES):
        if any(first <= event <= last for first, last in orjson.loads(events or "[]")):
            return instant(at)
    return None


def last_stop(connection: Connection, destination: str) -> tuple[ReadingRun, str] | None:
    """Return the last finished run and why it sent nothing more to *destination*, if it was stopped."""
    run = tables.run.c
    query = select(run.id, run.report).where(run.command == "run", run.report.is_not(None))
    row = connection.execute(query.order_by(run.id.desc()).limit(1)).first()
    report = orjson.loads(row.report) if row else {}
    stopped = report.get("destinations", {}).get(destination, {}).get("stopped") or report.get("stopped")
    reading = reading_run(connection, row.id) if row and stopped else None
    return (reading, str(stopped)) if reading else None


def changed_value(connection: Connection, life: DeliveryLife, restate: Restate, now: int) -> Candidate | None:
    """Return a sent order with another value than is due, and why that is not restated; None where it is the same."""
    row = life.row
    if row.state not in SENT or row.due_minor is None or row.value_minor is None:
        return None
    due = Money(row.due_minor, row.stated_currency, row.stated_exponent)
    unconfirmed = connection.execute(text(f"SELECT {newest(str(int(row.id)))}")).scalar()
    if due == life.value and unconfirmed is None:
        return None
    return eligibility.candidate(connection, ChangedValue(row.id, due), restate, now)


def _delivery(connection: Connection, row: Row[Any]) -> DeliveryLife:
    event = row.id << REVISION_BITS
    span = {"first": event, "last": event | MAX_REVISIONS - 1}
    places = {each.id: each.place for each in connection.execute(_EVENTS, span)}
    sent = sorted(_requests(connection, places), key=lambda request: request.id)
    newest_place = places[sent[-1].event] if sent else None
    payload = None if newest_place is None else bodies(connection, [newest_place])[newest_place]
    v = tables.revision.c
    of_order = v.id.between(span["first"], span["last"])
    revisions = connection.execute(select(tables.revision).where(of_order).order_by(v.id)).all()
    person = {"event": event | row.revision, "sale": row.sale}
    objection = connection.execute(_OBJECTION, person).scalar()
    objected_at = instant(objection) if objection else None
    return DeliveryLife(row, row.name, tuple(sent), payload, tuple(revisions), objected_at)


def _requests(connection: Connection, places: Mapping[int, int]) -> Iterator[SentRequest]:
    for event, place in places.items():
        for row in connection.execute(_REQUESTS, {"place": place}):
            asks_at = instant(row.ask_at * 1_000_000) if row.ask_at else None
            facts = (row.purpose, row.policy, row.outcome, row.http_status, row.code, row.verdict, asks_at)
            answered_at = instant(row.answered_us) if row.answered_us else None
            reported_at = _reported_at(connection, row)
            yield SentRequest(row.id, event, row.run, instant(row.intended_us), *facts, reported_at, answered_at)


def _reported_at(connection: Connection, row: Row[Any]) -> datetime | None:
    if not row.asked:
        return None
    pattern = f'%"kind":"diagnosis"%"request":{row.id},%'
    at = connection.execute(_REPORT, {"after": row.outcome_leaf or row.leaf, "pattern": pattern}).scalar()
    return instant(at) if at else None


def _source_kind(settings: str | None) -> str | None:
    kind = orjson.loads(settings or "{}").get("source", {}).get("kind")
    return str(kind) if kind else None
