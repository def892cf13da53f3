"""Exceptions: orders that stand otherwise than the batch of their event says get rows of their own."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, Row, text

from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.tables import MAX_POSITIONS, POSITION_BITS
from conversions.ledger.standing import verdicts

_NAMES = ", ".join(tables.exception.c.keys())
_REGULAR = text_with_lists(
    "SELECT id, place FROM delivery_place WHERE id IN :deliveries AND place IS NOT NULL", "deliveries"
)
_COPY = text_with_lists(
    f"INSERT INTO exception({_NAMES}) SELECT {_NAMES} FROM delivery d WHERE d.id IN :deliveries ORDER BY d.id",
    "deliveries",
)
_TAKE_OUT = text_with_lists("UPDATE delivery_place SET place = NULL WHERE id IN :deliveries", "deliveries")
_COUNT_DOWN = text("UPDATE batch SET regular = regular - :gone WHERE id = :batch")
_DELETE_EXCEPTIONS = text_with_lists("DELETE FROM exception WHERE id IN :deliveries", "deliveries")
_DELETE_PLACES = text_with_lists("DELETE FROM delivery_place WHERE id IN :deliveries", "deliveries")


def make_exceptions(connection: Connection, deliveries: Iterable[int]) -> None:
    """Give each of *deliveries* a row of its own, which says what its batch said of it; some may have one already."""
    for page in pages_of(deliveries):
        placed = regular(connection, page)
        if placed:
            own = {"deliveries": [row.id for row in placed]}
            connection.execute(_COPY, own)
            connection.execute(_TAKE_OUT, own)
            _count_down(connection, placed)


def vacate(connection: Connection, deliveries: Collection[int]) -> None:
    """Delete what says how *deliveries* stand: each gets a place in another batch in the same transaction."""
    for page in pages_of(deliveries):
        if placed := regular(connection, page):
            connection.execute(_TAKE_OUT, {"deliveries": [row.id for row in placed]})
            _count_down(connection, placed)
        connection.execute(_DELETE_EXCEPTIONS, {"deliveries": page})


def remove_orders(connection: Connection, deliveries: Collection[int]) -> None:
    """Delete all that says how *deliveries* stand, after retention."""
    for page in pages_of(deliveries):
        _count_down(connection, regular(connection, page))
        connection.execute(_DELETE_EXCEPTIONS, {"deliveries": page})
        connection.execute(_DELETE_PLACES, {"deliveries": page})


def regular(connection: Connection, deliveries: Sequence[int]) -> Sequence[Row[int]]:
    """Return the key and place of each of *deliveries* that stands as its batch says."""
    return connection.execute(_REGULAR, {"deliveries": deliveries}).all()


def _count_down(connection: Connection, placed: Sequence[Row[int]]) -> None:
    """Take these orders out of the counts of their batches."""
    gone = Counter(row.place >> POSITION_BITS for row in placed)
    if gone:
        connection.execute(_COUNT_DOWN, [{"batch": batch, "gone": number} for batch, number in gone.items()])
        verdicts.set_letters(
            connection,
            ((row.place >> POSITION_BITS, row.place & MAX_POSITIONS - 1) for row in placed),
            verdicts.NONE,
            only_known=True,
        )
