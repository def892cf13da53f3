"""Change how the orders of a request stand: once for each batch that it has as a whole, else order by order."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, TextClause

from conversions.ledger.batches import parts
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.tables import MAX_POSITIONS, POSITION_BITS, REVISION_BITS
from conversions.ledger.schema.views import LETTERS
from conversions.ledger.standing import verdicts
from conversions.ledger.standing.exceptions import make_exceptions, regular
from conversions.ledger.states import State

_SET_STATE = text_with_lists(
    """
    UPDATE exception SET state = :state, reason = CASE state WHEN 'received' THEN NULL ELSE reason END,
    detail = CASE state WHEN 'received' THEN NULL ELSE detail END WHERE id IN :deliveries
""",
    "deliveries",
)
"""A first result replaces what was suspected of a request; a duplicate that turns out to be ours keeps its reason."""


class Change(NamedTuple):
    """The same change, of batches and of exceptions."""

    of_batches: TextClause
    """Takes the list ``batches``."""
    of_exceptions: TextClause
    """Takes the list ``deliveries``."""


def change(connection: Connection, events: Sequence[int], what: Change, parameters: Mapping[str, object]) -> int:
    """Apply a change to the orders of *events*; return how many of them it has changed."""
    deliveries = [event >> REVISION_BITS for event in events]
    batches, changed = whole_batches(connection, deliveries), 0
    if batches:
        rows = connection.execute(what.of_batches, {**parameters, "batches": [*batches]}).rowcount
        changed = sum(batches.values()) if rows == len(batches) else 0
    if sum(batches.values()) < len(deliveries):
        changed += connection.execute(what.of_exceptions, {**parameters, "deliveries": deliveries}).rowcount
    return changed


def whole_batches(connection: Connection, deliveries: Sequence[int]) -> dict[int, int]:
    """Return the batches of which all regular orders are among *deliveries*, with their number.

    Where some of a batch are and some are not, the fewer ones get exceptions.
    """
    by_batch = defaultdict[int, list[int]](list)
    for page in pages_of(deliveries):
        for row in regular(connection, page):
            by_batch[row.place >> POSITION_BITS].append(row.id)
    whole = {}
    members = parts.events_of(connection, by_batch)
    for batch, own in by_batch.items():
        others = [] if len(members[batch]) == len(own) else _others(connection, batch, members[batch], own)
        if len(others) > len(own):
            make_exceptions(connection, own)
        else:
            make_exceptions(connection, others)
            whole[batch] = len(own)
    return whole


def set_late_state(connection: Connection, deliveries: Sequence[int], state: State) -> None:
    """Set a late result that needs no reason: at its position, or in the exception."""
    for page in pages_of(deliveries):
        placed = ((row.place >> POSITION_BITS, row.place & MAX_POSITIONS - 1) for row in regular(connection, page))
        verdicts.set_letters(connection, placed, LETTERS[state])
        connection.execute(_SET_STATE, {"state": state, "deliveries": page})


def _others(connection: Connection, batch: int, members: Sequence[int], own: Collection[int]) -> list[int]:
    """Return the regular orders of *batch* that are not among *own*."""
    found = list[int]()
    for page in pages_of({event >> REVISION_BITS for event in members}.difference(own)):
        found += (row.id for row in regular(connection, page) if row.place >> POSITION_BITS == batch)
    return sorted(found)
