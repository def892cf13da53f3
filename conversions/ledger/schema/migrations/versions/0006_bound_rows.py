"""Salts of bound rows, the sums that leaves state, and what operators have decided about orders."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SALTED = ("run", "objection", "erasure", "rectification", "rectified_order", "task", "look")


def upgrade() -> None:
    """Add the columns and tables; upgrade and restore bind the rows afterwards, in the same transaction."""
    for table in _SALTED:
        for name in ("salt", "commitment"):
            op.add_column(table, sa.Column(name, sa.LargeBinary(), nullable=True))
    op.create_table(
        "bound",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rows", _INT, nullable=False),
        sa.Column("sum", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "decision",
        sa.Column("id", _INT, nullable=False),
        sa.Column("delivery", _INT, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("at_us", _INT, nullable=True),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_decision_delivery"), "decision", ["delivery"], unique=False)
    op.execute(
        "INSERT INTO decision(delivery, decision) SELECT id, 'send' FROM delivery"
        " WHERE decision = 'send' OR accepted_minor IS NOT NULL ORDER BY id"
    )
    op.execute(
        "INSERT INTO decision(delivery, decision, at_us) SELECT id, 'acknowledge', acknowledged_us FROM delivery"
        " WHERE acknowledged_us IS NOT NULL ORDER BY id"
    )
