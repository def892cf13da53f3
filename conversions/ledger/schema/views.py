"""The view ``delivery``: every order at every destination, as it stands.

A delivery with a place stands as its batch says, and has the value that its sale states; one without has a row of its
own in ``exception``. One seek in ``delivery_place`` finds it, and one more either way.
"""

from sqlalchemy import Column, MetaData, Table, literal_column, select

from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, MAX_POSITIONS, POSITION_BITS
from conversions.ledger.states import State

POSITION = f"CAST(k.place & {MAX_POSITIONS - 1} AS INTEGER)"
DIGEST_BYTES = 8
LETTERS = {State.RECORDED: "c", State.UNMATCHED: "u", State.DUPLICATE: "d"}
"""What ``batch.verdicts`` has for each late result that needs no reason."""


def late_state(letter: str) -> str:
    """SQL for the state that *letter*, an expression, stands for; any other is the state of the batch ``b``."""
    known = " ".join(f"WHEN '{own}' THEN '{state}'" for state, own in LETTERS.items())
    return f"CASE {letter} {known} ELSE b.state END"


def _either(own: str, of_batch: str) -> str:
    return f"CASE WHEN k.place IS NULL THEN x.{own} ELSE {of_batch} END"


COLUMNS = {
    "id": "k.id",
    "sale": f"k.id >> {DESTINATION_BITS}",
    "destination": f"k.id & {MAX_DESTINATIONS - 1}",
    "place": "k.place",
    "run": _either("run", "b.run"),
    "day": _either("day", "b.day"),
    "state": f"""CASE WHEN k.place IS NULL THEN x.state WHEN b.verdicts IS NULL THEN b.state
        ELSE {late_state(f"substr(b.verdicts, {POSITION} + 1, 1)")} END""",
    "reason": "x.reason",
    "detail": "x.detail",
    "revision": "coalesce(x.revision, 0)",
    "wire_id": "x.wire_id",
    "value_minor": _either("value_minor", "a.minor"),
    "value_currency": _either("value_currency", "a.currency"),
    "value_exponent": _either("value_exponent", "a.exponent"),
    "stated_minor": _either("stated_minor", "a.minor"),
    "stated_currency": _either("stated_currency", "a.currency"),
    "stated_exponent": _either("stated_exponent", "a.exponent"),
    "due_minor": _either("due_minor", "a.minor"),
    "fingerprint": _either("fingerprint", f"substr(f.digests, {POSITION} * {DIGEST_BYTES} + 1, {DIGEST_BYTES})"),
    "ready_at": _either("ready_at", "b.ready_at"),
    "expires_at": _either("expires_at", "b.expires_at"),
    "attempted": _either("attempted", "b.attempted"),
    "first_attempt_us": _either("first_attempt_us", "b.first_attempt_us"),
    "settled_run": _either("settled_run", "b.settled_run"),
    "decision": "x.decision",
    "acknowledged_us": "x.acknowledged_us",
    "accepted_minor": "x.accepted_minor",
    "judged_run": _either("judged_run", "b.run"),
}
"""SQL for each column: ``k`` is the row of ``delivery_place``, ``x`` the exception, ``b`` the batch, ``f`` its
fingerprints, ``a`` the sale."""

_JOINS = f"""LEFT JOIN exception x ON x.id = k.id LEFT JOIN batch b ON b.id = k.place >> {POSITION_BITS}
    LEFT JOIN fingerprint f ON f.batch = b.id"""
CREATE_DELIVERY = f"""CREATE VIEW delivery AS SELECT {", ".join(f"{sql} AS {name}" for name, sql in COLUMNS.items())}
    FROM delivery_place k {_JOINS} LEFT JOIN sale a ON a.id = k.id >> {DESTINATION_BITS}"""

_metadata = MetaData()
_TYPES = {column.name: column.type for column in tables.exception.columns}
delivery = Table("delivery", _metadata, *(Column(name, _TYPES.get(name, tables.Int)) for name in COLUMNS))

_x = tables.exception.c
exceptional = select(
    _x.id,
    _x.id.op(">>")(literal_column(str(DESTINATION_BITS))).label("sale"),
    _x.id.op("&")(literal_column(str(MAX_DESTINATIONS - 1))).label("destination"),
    *(column for column in _x if column.name != "id"),
).subquery("exceptional")
"""The orders of the view that have an exception: all that are withheld, unknown, rejected, restated or decided."""


def standing(key: str) -> str:
    """SQL that joins how a delivery stands, if there is one, by its key ``k.id``: ``= …`` or ``BETWEEN …``.

    For a statement that keeps rows without a delivery, and that joins ``sale a``: SQLite would read the whole view.
    """
    return f"LEFT JOIN delivery_place k ON k.id {key} {_JOINS}"


def columns(*names: str) -> str:
    """SQL for columns of the view, after ``standing``."""
    return ", ".join(f"{COLUMNS[name]} AS {name}" for name in names)
