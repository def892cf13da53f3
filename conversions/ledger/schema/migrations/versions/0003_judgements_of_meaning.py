"""History for anomaly checks: reported findings, purchase times, former order numbers, rejected rows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables and columns of the third release; existing data stays unchanged."""

    op.add_column("sale", sa.Column("status", sa.LargeBinary(), nullable=True))
    op.add_column("sale", sa.Column("purchased_us", _INT, nullable=True))
    op.create_table(
        "status_word",
        sa.Column("word", sa.LargeBinary(), nullable=False),
        sa.Column("since_us", _INT, nullable=False),
        sa.PrimaryKeyConstraint("word"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.add_column("row_rejected", sa.Column("content", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_row_rejected_content",
        "row_rejected",
        ["content"],
        unique=False,
        sqlite_where=sa.text("content IS NOT NULL"),
        postgresql_where=sa.text("content IS NOT NULL"),
    )
    op.create_table(
        "judgement_count",
        sa.Column("run", _INT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("judged", _INT, nullable=False),
        sa.Column("odd", _INT, nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"]),
        sa.PrimaryKeyConstraint("run", "reason"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "former_number",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("sale", _INT, nullable=False),
        sa.Column("since_us", _INT, nullable=False),
        sa.ForeignKeyConstraint(["sale"], ["sale.id"]),
        sa.PrimaryKeyConstraint("shop", "order_no"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "told",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("first_us", _INT, nullable=False),
        sa.Column("told_us", _INT, nullable=True),
        sa.Column("seen_us", _INT, nullable=False),
        sa.Column("affected", _INT, nullable=False),
        sa.Column("measure", sa.REAL(), nullable=False),
        sa.Column("accepted", sa.REAL(), nullable=True),
        sa.PrimaryKeyConstraint("code", "destination", "about"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.add_column("destination", sa.Column("decided_us", _INT, nullable=True))
    op.add_column("destination", sa.Column("scored_us", _INT, nullable=True))
    op.add_column("request", sa.Column("concluded", _INT, nullable=True))
    op.add_column("request", sa.Column("suspected", _INT, nullable=True))
    op.add_column("request", sa.Column("suspects", sa.Text(), nullable=True))
    op.create_table(
        "warning",
        sa.Column("destination", _INT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("events", _INT, nullable=False),
        sa.Column("first_us", _INT, nullable=False),
        sa.Column("last_us", _INT, nullable=False),
        sa.PrimaryKeyConstraint("destination", "kind"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "match_day",
        sa.Column("destination", _INT, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("matched", _INT, nullable=False),
        sa.Column("unmatched", _INT, nullable=False),
        sa.PrimaryKeyConstraint("destination", "day"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute("""
        INSERT INTO match_day SELECT destination, day, count(*) FILTER (WHERE state = 'recorded'),
        count(*) FILTER (WHERE state = 'unmatched') FROM delivery WHERE state IN ('recorded', 'unmatched') GROUP BY 1, 2
    """)
    op.create_table(
        "score",
        sa.Column("destination", _INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.REAL(), nullable=False),
        sa.Column("at_us", _INT, nullable=False),
        sa.PrimaryKeyConstraint("destination", "name"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.add_column("delivery", sa.Column("accepted_minor", _INT, nullable=True))
    op.create_table(
        "level",
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("product", sa.LargeBinary(), nullable=False),
        sa.Column("amounts", sa.LargeBinary(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("currency", "product"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deviation",
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("tenths", _INT, nullable=False),
        sa.Column("orders", _INT, nullable=False),
        sa.PrimaryKeyConstraint("currency", "basis", "tenths"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "open_shift",
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("power", _INT, nullable=False),
        sa.PrimaryKeyConstraint("currency"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "latest_amount",
        sa.Column("id", _INT, primary_key=True),
        sa.Column("sale", _INT, nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("deviation", _INT, nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("odd", _INT, nullable=False),
        sa.UniqueConstraint("sale", name="uq_latest_amount_sale"),
        sqlite_strict=True,
    )
