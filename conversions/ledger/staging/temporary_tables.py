"""Temporary tables of the amount check; the snapshot has its own.

Statements name them without a schema: both dialects look for a temporary table first.
"""

from sqlalchemy import Column, Connection, Index, LargeBinary, MetaData, Table, Text, text

from conversions.ledger.schema.tables import Int

_metadata = MetaData()

new_order = Table(
    "new_order",
    _metadata,
    Column("id", Int, primary_key=True, autoincrement=False),
    Column("sale", Int, nullable=True),
    Column("currency", Text, nullable=False),
    Column("purchased_us", Int, nullable=False),
    Column("minor", Int, nullable=False),
    Column("exponent", Int, nullable=False),
    Column("products", LargeBinary, nullable=False),
    Column("withheld", Int, nullable=False),
    Column("reported", Int, nullable=False),
    Column("decided", Int, nullable=False),
    Index("new_order_sale", "sale", sqlite_where=text("sale IS NOT NULL"), postgresql_where=text("sale IS NOT NULL")),
    prefixes=["TEMPORARY"],
    sqlite_strict=True,
)
"""Orders of this run that were never sent."""

large_deviation = Table(
    "large_deviation",
    _metadata,
    Column("id", Int, primary_key=True, autoincrement=False),
    Column("currency", Text, nullable=False),
    Column("power", Int, nullable=False),
    Column("deviation", Int, nullable=False),
    Column("basis", Text, nullable=False),
    Column("odd", Int, nullable=False),
    prefixes=["TEMPORARY"],
    sqlite_strict=True,
)
"""Of these, the ones with a large deviation."""

past_order = Table(
    "past_order",
    _metadata,
    Column("order_no", Text, primary_key=True),
    Column("currency", Text, nullable=False),
    Column("purchased_us", Int, nullable=False),
    Column("magnitude", Int, nullable=False),
    Column("products", LargeBinary, nullable=False),
    prefixes=["TEMPORARY"],
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Orders bought earlier, from the history of the source."""

new_level = Table(
    "new_level",
    _metadata,
    Column("currency", Text, primary_key=True),
    Column("product", LargeBinary, primary_key=True),
    Column("amounts", LargeBinary, nullable=False),
    prefixes=["TEMPORARY"],
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Product levels that this run adds."""


def create(connection: Connection) -> None:
    """Create the tables anew."""
    for name in _metadata.tables:
        connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    _metadata.create_all(connection, checkfirst=False)
