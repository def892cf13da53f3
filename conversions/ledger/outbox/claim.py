"""Claim the next batch: pending orders, unanswered orders, or the events that an answer left to send again."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from conversions.errors import DisclosureError
from conversions.ledger import judgements, log
from conversions.ledger.batches import parts
from conversions.ledger.batches.contents import batch_of, members, place, position_of, read
from conversions.ledger.batches.links import links
from conversions.ledger.outbox.move import set_state
from conversions.ledger.outbox.work import ClaimedBatch, ClaimedEvent, Purpose, RequestTemplate, WorkItem
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.tables import MAX_DESTINATIONS, MAX_REVISIONS, OPEN, REVISION_BITS
from conversions.ledger.standing.open_batches import regular_of
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

BATCHES_PER_QUERY = 20

_BATCHES = text("""
    SELECT b.id, b.events, b.request, b.run, b.state, o.members FROM batch b JOIN blob o ON o.batch = b.id
    WHERE b.read_run = :run AND b.destination = :destination AND b.id >= :batch
    AND (b.id > :batch OR b.events > :position) ORDER BY b.id LIMIT :most
""")
_PENDING = text_with_lists(
    f"""
    SELECT e.id, e.place FROM exception d JOIN event e ON e.id = d.id << {REVISION_BITS} | d.revision
    WHERE d.id IN :deliveries AND d.run = :run AND d.state = 'pending' AND e.place >> {tables.POSITION_BITS} = :batch
    ORDER BY e.place
""",
    "deliveries",
)
"""The place is a condition: an event that was sealed anew is still a member of the batch that it was taken out of."""
_UNANSWERED = text(f"""
    SELECT e.id, e.place FROM exception d JOIN event e ON e.id = d.id << {REVISION_BITS} | d.revision
    WHERE {OPEN} AND d.state = 'unknown' AND d.id & {MAX_DESTINATIONS - 1} = :destination AND d.id > :after
    AND d.expires_at * 1000000 > :now_us AND (d.first_attempt_us + :resend_us > :now_us OR d.decision = 'send')
    AND (d.decision = 'send' AND d.run = :run OR EXISTS (
        SELECT 1 FROM event f JOIN request_part x ON {parts.has_place("x", "f.place")}
        JOIN request r ON r.id = x.request
        WHERE f.id BETWEEN d.id << {REVISION_BITS} AND d.id << {REVISION_BITS} | {MAX_REVISIONS - 1}
        AND r.outcome = 'unknown'
    )) ORDER BY d.id LIMIT :most
""")
"""Orders of which a request had no answer, with this event or an earlier one. A restored store may hold unknown orders
without such a request: they are sent again only where a person decided so."""
_LISTED = text_with_lists(
    f"""
    SELECT e.id, e.place FROM event e JOIN delivery d ON d.id = e.id >> {REVISION_BITS}
    WHERE e.id IN :events AND d.state = :state
""",
    "events",
)
"""The state is a condition: an order that became unknown meanwhile follows the rules of unanswered orders only."""


class EventPlace(NamedTuple):
    """An event, and where it is."""

    event: int
    place: int


def claim(ledger: Ledger, run: Run, template: RequestTemplate, work: WorkItem) -> ClaimedBatch | None:
    """Return the next events of *work*, at most one request's worth, or None where no event is left."""
    while True:
        with ledger.transaction() as connection:
            claimed = fit_in_one_body(template, contents_of(connection, _next(connection, ledger, run, template, work)))
            if not claimed:
                return None
            if work.events is None:  # the next search starts after this event
                last = claimed[-1]
                resend = work.purpose is Purpose.RESEND
                template.last_claimed[work.purpose] = last.id >> REVISION_BITS if resend else last.place
            if work.purpose is Purpose.RESEND:
                claimed = _still_allowed(connection, ledger.now_us, run, template, claimed)
        if claimed:
            return ClaimedBatch(work, tuple(claimed))
        if work.events is not None:
            return None


def contents_of(connection: Connection, places: Sequence[EventPlace]) -> list[ClaimedEvent]:
    """Return the events at *places* with their bytes, in this order; erased ones are left out."""
    contents = read(connection, {batch_of(at) for _, at in places})
    linked = links(connection, [event for event, _ in places], contents)
    claimed = []
    for event, at in places:
        of_batch, position = contents[batch_of(at)], position_of(at)
        body = of_batch.bodies[position]
        if body is not None:
            claimed.append(ClaimedEvent(event, at, of_batch.form, of_batch.salts[position], body, linked[event]))
    return claimed


def _next(
    connection: Connection, ledger: Ledger, run: Run, template: RequestTemplate, work: WorkItem
) -> Sequence[EventPlace]:
    """Return the next events, in the order of the wire."""
    if work.events is not None:
        return _listed(connection, work)
    if work.purpose is Purpose.RESEND:
        return _unanswered(connection, ledger, run, template)
    return _pending(connection, run, template)


def _listed(connection: Connection, work: WorkItem) -> list[EventPlace]:
    state = State.UNKNOWN if work.purpose is Purpose.RESEND else State.PENDING
    rows = connection.execute(_LISTED, {"events": work.events, "state": state})
    by_event = {row.id: row.place for row in rows}
    return [EventPlace(event, by_event[event]) for event in work.events or () if event in by_event]


def _pending(connection: Connection, run: Run, template: RequestTemplate) -> list[EventPlace]:
    """Return the pending events of whole batches, as long as the next batch fits."""
    places = list[EventPlace]()
    after = template.last_claimed[Purpose.FIRST]
    while len(places) < template.max_events:
        start = {"batch": batch_of(after), "position": position_of(after) + 1, "most": BATCHES_PER_QUERY}
        page = {"run": run.id, "destination": template.destination_id, **start}
        batches = connection.execute(_BATCHES, page).all()
        for batch in batches:
            room = template.max_events - len(places)
            if places and batch.request is None and batch.events > room:  # all of it waits
                return places
            waiting = _pending_in(connection, run, batch)
            new = [each for each in waiting if each.place > after]
            if places and len(new) > room:
                return places
            places += new
        if len(batches) < BATCHES_PER_QUERY:
            break
        after = max(after, place(batches[-1].id + 1, 0) - 1)
    return places[: template.max_events]


def _pending_in(connection: Connection, run: Run, batch: Row[Any]) -> list[EventPlace]:
    """Return the pending events of *batch*, by place: all of those that stand as it says, and exceptions."""
    events, waiting = members(batch.members), list[EventPlace]()
    if batch.state == State.PENDING and batch.run == run.id:
        regular = {*regular_of(connection, batch.id, events)}
        first_ones = ((event, position) for position, event in enumerate(events) if not event % MAX_REVISIONS)
        waiting = [EventPlace(e, place(batch.id, p)) for e, p in first_ones if e >> REVISION_BITS in regular]
    if len(waiting) < len(events):
        page = {"deliveries": [event >> REVISION_BITS for event in events], "run": run.id, "batch": batch.id}
        waiting += (EventPlace(*row) for row in connection.execute(_PENDING, page).all())
    return sorted(waiting, key=lambda each: each.place)


def _unanswered(connection: Connection, ledger: Ledger, run: Run, template: RequestTemplate) -> list[EventPlace]:
    """Return the events that may have been received, in the order of their orders."""
    page = {
        "run": run.id,
        "destination": template.destination_id,
        "now_us": ledger.now_us,
        "resend_us": template.resend_us,
        "after": template.last_claimed[Purpose.RESEND],
        "most": template.max_events,
    }
    return [EventPlace(*row) for row in connection.execute(_UNANSWERED, page).all()]


def fit_in_one_body(template: RequestTemplate, events: Sequence[ClaimedEvent]) -> Sequence[ClaimedEvent]:
    """Return as many events as fit into one request body, and at least one."""
    max_bytes = template.max_bytes - len(template.prefix) - len(template.suffix)
    sizes = list(accumulate(len(event.body) + 1 for event in events))
    return events[: max(1, bisect_right(sizes, max_bytes))]


def _still_allowed(
    connection: Connection, now_us: int, run: Run, template: RequestTemplate, events: Sequence[ClaimedEvent]
) -> Sequence[ClaimedEvent]:
    """Keep the earlier events that today's policy still allows, and withhold the others: a new policy is no error."""
    log.check_epoch(connection, run.epoch)
    allowed, withheld = [], []
    for event in events:
        try:
            template.check(template.prefix + event.body + template.suffix, 1)
            allowed.append(event)
        except DisclosureError:
            withheld.append(event.id >> REVISION_BITS)
            set_state(connection, run, withheld[-1], State.WITHHELD, Reason.MAYBE_RECEIVED)
    judgements.record(connection, now_us, withheld, run=run.id)
    return allowed
