"""Blank the judgements of orders that are erased or past retention: their number and their commitment stay."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from conversions.ledger.judgements.commitment import commitment
from conversions.ledger.schema.dialect import pages_of, text_with_lists

_ROWS = text_with_lists(
    """
    SELECT j.id, a.order_no, j.delivery & 63 AS destination, j.from_state, j.from_reason, j.to_state, j.to_reason,
    j.rules, j.policy_version, j.run, j.at_us, j.salt
    FROM judgement j JOIN sale a ON a.id = j.delivery >> 6 WHERE j.delivery IN :deliveries ORDER BY j.id
""",
    "deliveries",
)
_BLANK = text("""
    UPDATE judgement SET delivery = NULL, from_state = NULL, from_reason = NULL, to_state = '', to_reason = NULL,
    run = NULL, salt = NULL, commitment = :commitment WHERE id = :id
""")


def blank(connection: Connection, deliveries: Sequence[int]) -> list[list[int]]:
    """Blank the judgements of *deliveries*; return their numbers, as pairs of first and last, for the leaf."""
    numbers = list[int]()
    for page in pages_of(deliveries):
        rows = connection.execute(_ROWS, {"deliveries": page}).all()
        blanks = [{"id": row.id, "commitment": commitment(row.salt, tuple(row)[:-1])} for row in rows]
        if blanks:
            connection.execute(_BLANK, blanks)
        numbers += [row.id for row in rows]
    return _ranges(sorted(numbers))


def _ranges(numbers: Sequence[int]) -> list[list[int]]:
    pairs: list[list[int]] = []
    for number in numbers:
        if pairs and number == pairs[-1][1] + 1:
            pairs[-1][1] = number
        else:
            pairs.append([number, number])
    return pairs
