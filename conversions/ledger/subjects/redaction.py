"""Remove payloads from the store and keep their commitments, so that the log's proofs stay valid.

An event without a payload is valid only where a leaf of kind ``erasure`` or ``purge`` names it in ``events``.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from conversions.ledger.batches.blank import blank
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.model.subject import Person

ZEROS = bytes(16)
"""As long as a subject. Before a subject goes it is overwritten in its length: SQLite may keep the rest of a row that
became shorter in free space."""
_FORGET_EARLIER = text_with_lists("UPDATE earlier_person SET subject = :value WHERE event IN :events", "events")
_FORGET_BUYER = text_with_lists(
    "UPDATE sale SET subject = :value WHERE id IN :sales AND subject IN :gone", "sales", "gone"
)
_BETWEEN = text("SELECT 1 FROM event WHERE id > :first AND id < :last LIMIT 1")


def redact(connection: Connection, events: Sequence[int]) -> set[bytes]:
    """Replace the bytes and salts of *events* with their commitments, and forget earlier buyers of theirs.

    Return the traces that no file may hold afterwards.
    """
    gone = blank(connection, events)
    for value in (ZEROS, None):
        for page in pages_of(events):
            connection.execute(_FORGET_EARLIER, {"value": value, "events": page})
    return gone


def forget_buyers(connection: Connection, sales: Collection[int], person: Person) -> None:
    """Forget that *person* is the buyer of *sales*; their events must be redacted before."""
    for page in pages_of([*sales]):
        for value, gone in ((ZEROS, [*person]), (None, [ZEROS])):
            connection.execute(_FORGET_BUYER, {"value": value, "sales": page, "gone": gone})


def ranges(connection: Connection, events: Sequence[int]) -> list[list[int]]:
    """*events*, ascending, as pairs of first and last; no other event of the store is within a pair."""
    pairs: list[list[int]] = []
    for event in events:
        if pairs and not connection.execute(_BETWEEN, {"first": pairs[-1][1], "last": event}).first():
            pairs[-1][1] = event
        else:
            pairs.append([event, event])
    return pairs
