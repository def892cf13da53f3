"""Record judgements: an order's state or reason changed against sending, or changed from such a judgement.

What is true of a sent request needs no judgement: pending, sent, received and recorded orders have none unless they
were withheld or refused before. A judgement says from which standing to which, under which approved rules and policy.
"""

from collections.abc import Sequence
from secrets import token_bytes
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, text

from conversions.ledger import log
from conversions.ledger.judgements.commitment import SALT_BYTES, commitment
from conversions.ledger.log.merkle import root_of
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.tables import MAX_DESTINATIONS
from conversions.ledger.states import State

AGAINST_SENDING = frozenset({State.WITHHELD, State.QUARANTINED, State.REJECTED, State.EXPIRED})
LEAF = "judgements"
RULES_DIGITS = 16
"""Hex digits of the digest of the approved rules: enough to find their document."""

_CHANGES = text_with_lists(
    """
    SELECT d.id, d.state, d.reason, a.order_no, j.to_state, j.to_reason, j.rules, j.policy_version
    FROM delivery d JOIN sale a ON a.id = d.sale
    LEFT JOIN judgement j ON j.id = (SELECT max(k.id) FROM judgement k WHERE k.delivery = d.id)
    WHERE d.id IN :deliveries ORDER BY d.id
""",
    "deliveries",
)
_UNRECORDED = text(f"""
    SELECT d.id FROM delivery d WHERE (
        d.state IN ({", ".join(f"'{state}'" for state in sorted(AGAINST_SENDING))}) OR d.reason IS NOT NULL
    ) AND NOT EXISTS (SELECT 1 FROM judgement j WHERE j.delivery = d.id) ORDER BY d.id
""")
_RULES = select(tables.pin.c.value).where(tables.pin.c.name == "rules")
_POLICY = select(tables.run.c.policy_version).order_by(tables.run.c.id.desc()).limit(1)
_LATEST_BASIS = (
    select(tables.judgement.c.rules, tables.judgement.c.policy_version).order_by(tables.judgement.c.id.desc()).limit(1)
)


class Basis(NamedTuple):
    """The rules that are approved, and the policy of the latest run."""

    rules: str
    policy_version: str


def record(connection: Connection, at_us: int, deliveries: Sequence[int], *, run: int | None = None) -> None:
    """Record the judgements of *deliveries* that changed, and their leaf, in the caller's transaction.

    *run* is the run that judged; None: an operator.
    """
    basis, rows = basis_now(connection), list[dict[str, Any]]()
    number = connection.execute(select(func.coalesce(func.max(tables.judgement.c.id), 0))).scalar_one()
    values = list[bytes]()
    for page in pages_of(deliveries):
        for row in connection.execute(_CHANGES, {"deliveries": page}).all():
            if _changed(row, basis):
                number += 1
                rows.append(_judgement(number, row, basis, run, at_us))
                values.append(commitment(rows[-1]["salt"], _facts(rows[-1], row.order_no)))
    if rows:
        connection.execute(insert(tables.judgement), rows)
        facts = {"run": run, "first": rows[0]["id"], "count": len(rows), "root": root_of(values).hex()}
        log.append(connection, LEAF, at_us, facts)


def record_standing(connection: Connection, at_us: int) -> None:
    """Record how every order stands against sending that has no judgement yet: after an upgrade."""
    for page in pages_of(connection.execute(_UNRECORDED).scalars().all()):
        record(connection, at_us, page)


def basis_now(connection: Connection) -> Basis:
    """Return what judgements of now rest on."""
    rules, policy = connection.execute(_RULES).scalar(), connection.execute(_POLICY).scalar()
    return Basis((rules or "")[:RULES_DIGITS], policy or "")


def is_new_basis(connection: Connection) -> bool:
    """Whether rules or policy are others than in the latest judgement, so that orders are judged anew."""
    row = connection.execute(_LATEST_BASIS).one_or_none()
    return row is not None and tuple(row) != basis_now(connection)


def is_against(state: str, reason: str | None) -> bool:
    """Whether an order stands against sending, or waits for a person."""
    return state in AGAINST_SENDING or (reason is not None and state != State.ERASED)


def _changed(row: Row[Any], basis: Basis) -> bool:
    against = is_against(row.state, row.reason)
    if row.to_state is None:
        return against
    same = (row.to_state, row.to_reason) == (row.state, row.reason)
    return not same or (against and (row.rules, row.policy_version) != basis)


def _judgement(number: int, row: Row[Any], basis: Basis, run: int | None, at_us: int) -> dict[str, Any]:
    return {
        "id": number,
        "delivery": row.id,
        "from_state": row.to_state,
        "from_reason": row.to_reason,
        "to_state": row.state,
        "to_reason": row.reason,
        **basis._asdict(),
        "run": run,
        "at_us": at_us,
        "salt": token_bytes(SALT_BYTES),
    }


def _facts(row: dict[str, Any], order_no: str) -> tuple[object, ...]:
    names = ("from_state", "from_reason", "to_state", "to_reason", "rules", "policy_version", "run", "at_us")
    return (row["id"], order_no, row["delivery"] % MAX_DESTINATIONS, *(row[name] for name in names))
