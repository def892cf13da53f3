"""Queries over the store: one row of ``request`` is one attempt to send."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, tzinfo
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, select

from conversions.audit.attempts.model import AttemptRecord, Body, Entry, Selection
from conversions.errors import Usage
from conversions.ledger.batches import parts
from conversions.ledger.batches.contents import bodies
from conversions.ledger.schema import tables
from conversions.ledger.store import instant, microseconds


def validate_selection(log: Connection, selection: Selection, configured: Collection[str]) -> None:
    """Raise Usage where *selection* can match nothing: an empty answer would read as "nothing was sent".

    *configured* are the destinations of the settings; the store may know earlier ones.
    """
    if selection.since and selection.until and selection.until < selection.since:
        raise Usage(f"--until {selection.until} lies before --since {selection.since}.")
    last = log.execute(select(func.max(tables.run.c.id))).scalar() or 0
    if selection.run is not None and selection.run > last:
        known = f"the last one is {last}" if last else "there has been none yet"
        raise Usage(f"There is no run {selection.run}; {known}.")
    names = sorted({*configured, *log.execute(select(tables.destination.c.name)).scalars()})
    if selection.destination is not None and selection.destination not in names:
        raise Usage(f"There is no destination {selection.destination!r}; there is {', '.join(names)}.")


def attempts(log: Connection, selection: Selection) -> Iterator[AttemptRecord]:
    """The attempts that match *selection*, by number, which is the order of their intents."""
    rows = _ATTEMPTS.where(*_conditions(selection)).order_by(tables.request.c.id)
    for row in log.execute(rows.execution_options(yield_per=100)):
        yield _attempt(row)


def attempt(log: Connection, number: int) -> AttemptRecord:
    """One attempt. Raises Usage where no attempt has that number."""
    row = log.execute(_ATTEMPTS.where(tables.request.c.id == number)).one_or_none()
    if row is None:
        raise Usage(f"There is no attempt {number}; `conversions audit list` shows them all.")
    return _attempt(row)


def body(log: Connection, attempt: AttemptRecord) -> Body:
    """The bytes of *attempt*, joined as the sender joined them."""
    places = parts.places(log, [attempt.request_id])[attempt.request_id]
    by_place = bodies(log, places)
    kept = [content for at in places if (content := by_place[at]) is not None]
    erased = attempt.events - len(kept)
    return Body(None if erased else attempt.prefix + b",".join(kept) + attempt.suffix, erased)


PROBE = "probe"
"""Version of the policy of a request that is not under the shop's own: a made-up event that checks a token."""

_answer = tables.leaf.alias("answer")
_ATTEMPTS: Select[Any] = (
    select(
        tables.request.c.id.label("request_id"),
        tables.request.c.parent.label("parent_id"),
        tables.request.c.run.label("run_id"),
        tables.request.c.attempt,
        tables.destination.c.name.label("destination"),
        tables.request.c.recipient,
        tables.request.c.url,
        tables.request.c.route,
        tables.request.c.headers,
        tables.request.c.purpose,
        tables.request.c.intended_us.label("intended_at"),
        tables.request.c.answered_us.label("answered_at"),
        tables.request.c.http_status,
        tables.request.c.outcome,
        tables.request.c.code,
        tables.request.c.reference,
        tables.request.c.warnings,
        tables.request.c.events,
        tables.request.c.prefix,
        tables.request.c.suffix,
        case((tables.request.c.policy == tables.run.c.policy, tables.run.c.policy_version), else_=PROBE).label(
            "policy_version"
        ),
        tables.request.c.policy.label("policy_sha256"),
        tables.request.c.rules,
        tables.run.c.legal_basis,
        tables.run.c.settings.label("settings_sha256"),
        tables.run.c.operator,
        tables.run.c.host,
        tables.run.c.reason,
        tables.run.c.version,
        select(tables.head.c.rehearsal).scalar_subquery().label("rehearsal"),
        tables.leaf.c.seq.label("intent_number"),
        tables.leaf.c.body.label("intent_text"),
        _answer.c.seq.label("answer_number"),
        _answer.c.body.label("answer_text"),
    )
    .select_from(tables.request)
    .join(tables.run, tables.run.c.id == tables.request.c.run)
    .join(tables.destination, tables.destination.c.id == tables.request.c.destination)
    .join(tables.leaf, tables.leaf.c.seq == tables.request.c.leaf)
    .outerjoin(_answer, _answer.c.seq == tables.request.c.outcome_leaf)
)


def _conditions(selection: Selection) -> Iterator[ColumnElement[bool]]:
    if selection.since is not None:
        yield tables.request.c.intended_us >= _bound(selection.since, time.min, selection.zone)
    if selection.until is not None:
        yield tables.request.c.intended_us <= _bound(selection.until, time.max.replace(fold=1), selection.zone)
    if selection.run is not None:
        yield tables.request.c.run == selection.run
    if selection.destination is not None:
        yield tables.destination.c.name == selection.destination
    if selection.outcome is not None:
        yield tables.request.c.outcome == selection.outcome


def _bound(day: date, at: time, zone: tzinfo) -> int:
    return microseconds(datetime.combine(day, at, zone))


def _attempt(row: Row[Any]) -> AttemptRecord:
    columns = dict(row._mapping)  # noqa: SLF001
    answered = columns["answered_at"]
    parsed = {
        "headers": orjson.loads(columns["headers"]),
        "route": orjson.loads(columns["route"] or "null"),
        "warnings": orjson.loads(columns["warnings"] or "[]"),
        "intended_at": instant(columns["intended_at"]),
        "answered_at": None if answered is None else instant(answered),
        "rehearsal": bool(columns["rehearsal"]),
        "intent": Entry(columns.pop("intent_number"), columns.pop("intent_text")),
        "answer": _entry(columns.pop("answer_number"), columns.pop("answer_text")),
    }
    return AttemptRecord(**columns | parsed)


def _entry(number: int | None, text: str | None) -> Entry | None:
    return None if number is None or text is None else Entry(number, text)
