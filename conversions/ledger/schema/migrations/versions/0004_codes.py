"""Codes in the place of English texts, so that a wording can change without a migration; log entries stay."""

import sqlalchemy as sa
from alembic import op

from conversions.catalogue.former_texts import DETAILS, EARLIER, OUTCOMES, REASONS, STATUSES, TASK

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = {
    ("delivery", "reason"): REASONS,
    ("history", "reason"): REASONS,
    ("row_rejected", "reason"): REASONS,
    ("judgement_count", "reason"): REASONS,
    ("told", "about"): REASONS,
    ("revision", "detail"): DETAILS,
    ("request", "outcome"): OUTCOMES,
    ("request", "verdict"): STATUSES,
    ("task", "what"): dict([TASK]),
}
_MAYBE = "maybe received, and may no longer be sent"


def upgrade() -> None:
    """Turn every stored text into its code; a restatement without a certain end gets a column of its own."""
    op.add_column("revision", sa.Column("unconfirmed", _INT, server_default="0", nullable=False))
    _update("UPDATE revision SET unconfirmed = 1 WHERE detail LIKE :maybe", maybe=f"%{_MAYBE}%")
    _update("UPDATE revision SET detail = replace(detail, :suffix, '') WHERE state = 'rejected'", suffix=f"; {_MAYBE}")
    _update(
        "UPDATE revision SET detail = 'order_' || replace(replace(detail, 'the order is ', ''), ' there', '') "
        "WHERE detail LIKE 'the order is % there'"
    )
    _update("UPDATE delivery SET detail = replace(detail, :old, :new) WHERE detail LIKE '%' || :old", *EARLIER)
    for (table, column), codes in _COLUMNS.items():
        rows = sa.table(table, sa.column(column, sa.Text()))
        text = rows.c[column]
        op.execute(rows.update().where(text.in_(codes)).values({column: sa.case(codes, value=text)}))


def _update(statement: str, old: str = "", new: str = "", **named: str) -> None:
    pairs = {"old": old, "new": new} if old else {}
    op.execute(sa.text(statement).bindparams(**pairs, **named))
