"""Approved settings, network routes, rectifications and looks."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what approvals, routes to the platforms and the rights of people need."""
    _add_rights()
    _add_routes()
    _add_looks_and_lives()
    _add_shown_numbers()


def _add_rights() -> None:
    """Rectifications; one person per entry of the suppression list; the person of an erasure, by the case number."""
    op.add_column("objection", sa.Column("person", _INT, nullable=True))
    op.add_column("erasure", sa.Column("entry", _INT, nullable=True))
    op.execute(
        "UPDATE erasure SET entry = (SELECT max(o.id) FROM objection o WHERE o.kind = 'erasure'"
        " AND o.case_no = erasure.case_no AND o.since_us <= erasure.at_us)"
    )
    op.create_table(
        "rectification",
        sa.Column("id", _INT, nullable=False),
        sa.Column("corrected", sa.LargeBinary(), nullable=True),
        sa.Column("case_no", sa.Text(), nullable=False),
        sa.Column("at_us", _INT, nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("orders", _INT, nullable=False),
        sa.Column("leaf", _INT, nullable=False),
        sa.ForeignKeyConstraint(["leaf"], ["leaf.seq"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "rectified_order",
        sa.Column("rectification", _INT, nullable=False),
        sa.Column("sale", _INT, nullable=False),
        sa.Column("wrong", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["rectification"], ["rectification.id"]),
        sa.ForeignKeyConstraint(["sale"], ["sale.id"]),
        sa.PrimaryKeyConstraint("rectification", "sale"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_rectified_order_sale"), "rectified_order", ["sale"], unique=False)
    _let_tasks_have_a_rectification()


def _let_tasks_have_a_rectification() -> None:
    """Make the table anew: SQLite cannot make a column nullable."""
    op.rename_table("task", "task_before")
    op.create_table(
        "task",
        sa.Column("id", _INT, nullable=False),
        sa.Column("erasure", _INT, nullable=True),
        sa.Column("rectification", _INT, nullable=True),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("opened_us", _INT, nullable=False),
        sa.Column("closed_us", _INT, nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["erasure"], ["erasure.id"]),
        sa.ForeignKeyConstraint(["rectification"], ["rectification.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    columns = "id, erasure, recipient, what, opened_us, closed_us, closed_reason"
    op.execute(f"INSERT INTO task({columns}) SELECT {columns} FROM task_before")
    op.drop_table("task_before")


def _add_routes() -> None:
    op.add_column("request", sa.Column("route", sa.Text(), nullable=True))


def _add_looks_and_lives() -> None:
    """Add what a look was at, and since when an order is known, judged or erased, as far as the store has it."""
    op.add_column("look", sa.Column("kind", sa.Text(), server_default="person", nullable=False))
    op.add_column("look", sa.Column("about", sa.Text(), nullable=True))
    op.add_column("look", sa.Column("sale", _INT, nullable=True))
    op.add_column("look", sa.Column("case_no", sa.Text(), nullable=True))
    op.execute("UPDATE look SET case_no = (SELECT json_extract(l.body, '$.case') FROM leaf l WHERE l.seq = look.leaf)")
    op.add_column("sale", sa.Column("first_run", _INT, nullable=True))
    op.add_column("sale", sa.Column("erased_us", _INT, nullable=True))
    op.execute("""
        UPDATE sale SET erased_us = (
            SELECT max(e.at_us) FROM erasure e JOIN leaf l ON l.seq = e.leaf JOIN json_each(l.body, '$.events') r
            WHERE sale.id BETWEEN json_extract(r.value, '$[0]') >> 14 AND json_extract(r.value, '$[1]') >> 14
        ) WHERE id IN (SELECT sale FROM delivery WHERE state = 'erased')
    """)
    op.add_column("delivery", sa.Column("judged_run", _INT, nullable=True))


def _add_shown_numbers() -> None:
    """Some shops show another number than the one that identifies an order."""
    op.add_column("sale", sa.Column("shown_no", sa.Text(), nullable=True))
