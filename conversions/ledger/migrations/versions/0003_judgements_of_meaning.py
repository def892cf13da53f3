"""What guards of meaning remember: findings that were told, purchase moments, former numbers, damage that was seen."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what came after the second release; nothing that a store holds is changed."""

    op.add_column("sale", sa.Column("purchased_us", _INT, nullable=True))
    op.add_column("row_rejected", sa.Column("content", sa.LargeBinary(), nullable=True))
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
        sa.Column("affected", _INT, nullable=False),
        sa.Column("measure", sa.REAL(), nullable=False),
        sa.Column("accepted", sa.REAL(), nullable=True),
        sa.PrimaryKeyConstraint("code", "destination", "about"),
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
