"""Stage orders that a destination reads for the first time: they wait in a batch, or have an exception."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from conversions.ledger.batches.seal import NewEvent, Terms
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.staging.evaluate import DRAFTS, KEY
from conversions.ledger.staging.known_rows import CHANGED, KNOWN
from conversions.ledger.standing import make_exceptions
from conversions.ledger.subjects.suppressions import REASON_FOR
from conversions.model.conversion import Money, Reason

_SENDABLE = "o.id IS NULL AND d.event IS NOT NULL"
_REGULAR = f"""
    CASE WHEN {_SENDABLE} AND d.reason IS NULL AND d.ready_at <= :now AND d.due_minor = s.minor
    AND a.minor = s.minor AND a.currency = s.currency AND a.exponent = s.exponent THEN 1 ELSE 0 END
"""
"""1 where the order stands as its batch will say: it is ready, and its event has the value that the sale states."""
_NEW = f"""
    {KNOWN} {DRAFTS} WHERE {CHANGED} AND n.id > :after AND n.id <= :upto
    AND NOT EXISTS (SELECT 1 FROM delivery_place k WHERE k.id = {KEY})
"""
_EVENTS = text(f"""
    SELECT ({KEY}) << {REVISION_BITS}, s.day, d.due_minor, s.currency, s.exponent, d.event, {_REGULAR}, d.ready_at,
    d.expires_at, d.fingerprint {_NEW} AND {_SENDABLE} AND d.reason IS NULL ORDER BY s.id, p.position
""")
_INSERT_EXCEPTIONS = text(f"""
    INSERT INTO exception(
        id, run, day, state, reason, revision,
        value_minor, value_currency, value_exponent, stated_minor, stated_currency, stated_exponent, due_minor,
        fingerprint, ready_at, expires_at, attempted, settled_run, judged_run
    ) SELECT {KEY}, :run, s.day,
        CASE WHEN o.id IS NOT NULL THEN 'withheld' WHEN d.quarantined = 1 THEN 'quarantined'
            WHEN d.reason IS NOT NULL THEN 'withheld' WHEN d.ready_at > :now THEN 'deferred' ELSE 'pending' END,
        CASE o.kind {" ".join(f"WHEN '{kind}' THEN '{reason}'" for kind, reason in REASON_FOR.items())}
            ELSE d.reason END, 0,
        CASE WHEN {_SENDABLE} THEN d.due_minor END, CASE WHEN {_SENDABLE} THEN s.currency END,
        CASE WHEN {_SENDABLE} THEN s.exponent END, s.minor, s.currency, s.exponent, d.due_minor,
        d.fingerprint, d.ready_at, d.expires_at, 0,
        CASE WHEN d.quarantined = 1 OR d.reason = '{Reason.UNUSUAL_AMOUNT}' THEN CAST(:run AS BIGINT) END, :run
    {_NEW} AND {_REGULAR} = 0 ORDER BY s.id, p.position RETURNING id
""")
_INSERT_PLACE = text("INSERT INTO delivery_place(id) VALUES (:id)")
_SET_TERMS = text("UPDATE exception SET ready_at = :ready_at, expires_at = :expires_at WHERE id = :id")


class FirstReading(NamedTuple):
    """What a page has for the first time."""

    events: list[NewEvent]
    """The events to seal."""
    orders: int
    """Orders that are new, each counted once for each destination."""


def stage(connection: Connection, page: Mapping[str, Any]) -> FirstReading:
    """Write the exceptions of a page, in the caller's transaction."""
    events = [_event(*row) for row in _plain(connection, page)]
    own = [{"id": key} for key in connection.execute(_INSERT_EXCEPTIONS, page).scalars().all()]
    if own:
        connection.execute(_INSERT_PLACE, own)
    return FirstReading(events, len(own) + sum(event.terms is not None for event in events))


def set_other_terms(connection: Connection, other: Sequence[NewEvent]) -> None:
    """Give the orders of events that have other terms than their batch exceptions with their own."""
    own = [(event.id >> REVISION_BITS, event.terms) for event in other if event.terms]
    make_exceptions(connection, [key for key, _ in own])
    rows = [{"id": key, "ready_at": terms.ready_at, "expires_at": terms.expires_at} for key, terms in own]
    if rows:
        connection.execute(_SET_TERMS, rows)


def _plain(connection: Connection, page: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    """Return the new events of a page as the driver's own tuples: Row objects would cost more than the query."""
    result = connection.execute(_EVENTS, page)
    assert result.cursor is not None
    return result.cursor.fetchall()


def _event(  # noqa: PLR0913 - the columns of the query
    key: int,
    day: str,
    minor: int,
    currency: str,
    exponent: int,
    body: bytes,
    regular: int,
    ready_at: int,
    expires_at: int,
    fingerprint: bytes,
) -> NewEvent:
    terms = Terms(ready_at, expires_at, fingerprint) if regular else None
    return NewEvent(key, day, Money(minor, currency, exponent), body, terms)
