"""State by exception: an order stands as its batch says, or has a row of its own."""

from itertools import groupby

import sqlalchemy as sa
from alembic import op

from conversions.ledger.schema.migrations.regular_orders import place_orders
from conversions.ledger.standing import readings

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_EXCEPTION: tuple[tuple[str, sa.BigInteger | sa.Text | sa.LargeBinary, bool], ...] = (
    ("run", _INT, False),
    ("day", sa.Text(), False),
    ("state", sa.Text(), False),
    ("reason", sa.Text(), True),
    ("detail", sa.Text(), True),
    ("revision", _INT, False),
    ("wire_id", sa.Text(), True),
    ("value_minor", _INT, True),
    ("value_currency", sa.Text(), True),
    ("value_exponent", _INT, True),
    ("stated_minor", _INT, False),
    ("stated_currency", sa.Text(), False),
    ("stated_exponent", _INT, False),
    ("due_minor", _INT, True),
    ("fingerprint", sa.LargeBinary(), True),
    ("ready_at", _INT, True),
    ("expires_at", _INT, True),
    ("attempted", _INT, False),
    ("first_attempt_us", _INT, True),
    ("settled_run", _INT, True),
    ("decision", sa.Text(), True),
    ("acknowledged_us", _INT, True),
    ("accepted_minor", _INT, True),
    ("judged_run", _INT, True),
)
"""Name, type, and whether the column may be null."""
_PARTIAL_INDEXES = (
    ("ix_exception_open", "exception", "state IN ('pending', 'deferred', 'unknown', 'in_flight')"),
    (
        "ix_exception_problem",
        "exception",
        "state IN ('quarantined', 'rejected', 'expired', 'unknown') OR reason IN ('account_setup', 'unusual_amount')",
    ),
    ("ix_batch_open", "batch", "state IN ('pending', 'in_flight')"),
)
_VIEW = """
    CREATE VIEW delivery AS SELECT
    k.id AS id,
    k.id >> 6 AS sale,
    k.id & 63 AS destination,
    k.place AS place,
    CASE WHEN k.place IS NULL THEN x.run ELSE b.run END AS run,
    CASE WHEN k.place IS NULL THEN x.day ELSE b.day END AS day,
    CASE WHEN k.place IS NULL THEN x.state WHEN b.verdicts IS NULL THEN b.state ELSE CASE substr(b.verdicts,
        CAST(k.place & 4095 AS INTEGER) + 1, 1) WHEN 'c' THEN 'recorded' WHEN 'u' THEN 'unmatched' WHEN 'd' THEN
        'duplicate' ELSE b.state END END AS state,
    x.reason AS reason,
    x.detail AS detail,
    coalesce(x.revision, 0) AS revision,
    x.wire_id AS wire_id,
    CASE WHEN k.place IS NULL THEN x.value_minor ELSE a.minor END AS value_minor,
    CASE WHEN k.place IS NULL THEN x.value_currency ELSE a.currency END AS value_currency,
    CASE WHEN k.place IS NULL THEN x.value_exponent ELSE a.exponent END AS value_exponent,
    CASE WHEN k.place IS NULL THEN x.stated_minor ELSE a.minor END AS stated_minor,
    CASE WHEN k.place IS NULL THEN x.stated_currency ELSE a.currency END AS stated_currency,
    CASE WHEN k.place IS NULL THEN x.stated_exponent ELSE a.exponent END AS stated_exponent,
    CASE WHEN k.place IS NULL THEN x.due_minor ELSE a.minor END AS due_minor,
    CASE WHEN k.place IS NULL THEN x.fingerprint ELSE substr(f.digests, CAST(k.place & 4095 AS INTEGER) * 8 + 1,
        8) END AS fingerprint,
    CASE WHEN k.place IS NULL THEN x.ready_at ELSE b.ready_at END AS ready_at,
    CASE WHEN k.place IS NULL THEN x.expires_at ELSE b.expires_at END AS expires_at,
    CASE WHEN k.place IS NULL THEN x.attempted ELSE b.attempted END AS attempted,
    CASE WHEN k.place IS NULL THEN x.first_attempt_us ELSE b.first_attempt_us END AS first_attempt_us,
    CASE WHEN k.place IS NULL THEN x.settled_run ELSE b.settled_run END AS settled_run,
    x.decision AS decision,
    x.acknowledged_us AS acknowledged_us,
    x.accepted_minor AS accepted_minor,
    CASE WHEN k.place IS NULL THEN x.judged_run ELSE b.run END AS judged_run
    FROM delivery_place k LEFT JOIN exception x ON x.id = k.id LEFT JOIN batch b ON b.id = k.place >> 12 LEFT
    JOIN fingerprint f ON f.batch = b.id LEFT JOIN sale a ON a.id = k.id >> 6
"""


def upgrade() -> None:
    """Move the rows of orders, make the new tables and columns, and the view that shows an order as it stands."""
    _create("delivery_place", sa.Column("id", _INT, nullable=False), sa.Column("place", _INT, nullable=True))
    own = (sa.Column(name, kind, nullable=null) for name, kind, null in _EXCEPTION)
    _create("exception", sa.Column("id", _INT, nullable=False), *own)
    _create_tables()
    _add_columns()
    _move_orders()
    _record_readings()
    op.drop_index("ix_delivery_run_destination", table_name="delivery")
    op.drop_table("delivery")
    for name, table, rows in _PARTIAL_INDEXES:
        op.create_index(name, table, ["id"], unique=False, sqlite_where=sa.text(rows), postgresql_where=sa.text(rows))
    op.execute(_VIEW)


def _create(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint("id"), sqlite_strict=True, sqlite_with_rowid=True)


def _create_tables() -> None:
    op.create_table(
        "reading",
        sa.Column("run", _INT, nullable=False),
        sa.Column("page", _INT, nullable=False),
        sa.Column("destinations", _INT, nullable=False),
        sa.Column("sales", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"]),
        sa.PrimaryKeyConstraint("run", "page"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fingerprint",
        sa.Column("batch", _INT, autoincrement=False, nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batch.id"]),
        sa.PrimaryKeyConstraint("batch"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def _move_orders() -> None:
    """Give each order the place of its event, or an exception."""
    op.execute("INSERT INTO delivery_place(id) SELECT id FROM delivery ORDER BY id")
    context = op.get_context()
    assert context.config is not None
    for events in place_orders(op.get_bind()):
        context.config.attributes["advance"](events)
    names = [name for name, *_ in _EXCEPTION]
    op.execute(f"""
        INSERT INTO exception(id, {", ".join(names)}) SELECT d.id, {", ".join(f"d.{name}" for name in names)}
        FROM delivery_place k JOIN delivery d ON d.id = k.id WHERE k.place IS NULL ORDER BY k.id
    """)


def _record_readings() -> None:
    """Each run read, at least, the orders that no later run has read."""
    connection = op.get_bind()
    newest = connection.execute(sa.text("SELECT DISTINCT run, id >> 6 AS sale FROM delivery ORDER BY run, sale"))
    everywhere = (1 << 62) - 1
    for run, rows in groupby(newest, key=lambda row: row.run):
        sales = readings.pack(readings.spans_of(row.sale for row in rows))
        connection.execute(
            sa.text("INSERT INTO reading VALUES (:run, 0, :everywhere, :sales)"),
            {"run": run, "everywhere": everywhere, "sales": sales},
        )


def _add_columns() -> None:
    for name in ("minor", "exponent"):
        op.add_column("sale", sa.Column(name, _INT, nullable=True))
    op.add_column("sale", sa.Column("currency", sa.Text(), nullable=True))
    op.add_column("batch", sa.Column("state", sa.Text(), nullable=False, server_default="pending"))
    op.add_column("batch", sa.Column("verdicts", sa.Text(), nullable=True))
    for name in ("regular", "attempted"):
        op.add_column("batch", sa.Column(name, _INT, nullable=False, server_default="0"))
    for name in ("ready_at", "expires_at", "first_attempt_us", "settled_run"):
        op.add_column("batch", sa.Column(name, _INT, nullable=True))
    op.execute("UPDATE batch SET state = 'received'")  # that none of its orders waits as it says
