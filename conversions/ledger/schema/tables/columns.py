"""How tables and columns are declared, and how keys are made of keys."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from conversions.errors import LedgerError

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)
DESTINATION_BITS, REVISION_BITS, SPAN_BITS, POSITION_BITS = 6, 8, 14, 12
MAX_DESTINATIONS, MAX_REVISIONS, MAX_POSITIONS = 1 << DESTINATION_BITS, 1 << REVISION_BITS, 1 << POSITION_BITS
SALE_OF_EVENT = DESTINATION_BITS + REVISION_BITS
"""The key of an event, shifted right by so many bits, is the key of its sale."""

Int = BigInteger().with_variant(Integer, "sqlite")


def event_key(delivery: int, revision: int) -> int:
    """Key of the event of *delivery* in *revision*. Raises LedgerError where no key is left."""
    if revision >= MAX_REVISIONS:
        raise LedgerError(f"An order has had {MAX_REVISIONS} different events at one destination; check its source.")
    return delivery << REVISION_BITS | revision


def table(name: str, *items: Any, rowid: bool = True) -> Table:
    """Declare a table; in SQLite it is STRICT."""
    return Table(name, metadata, *items, sqlite_strict=True, sqlite_with_rowid=rowid)


def key() -> Column[int]:
    """Declare an integer key that rises."""
    return Column("id", Int, primary_key=True)


def integer(name: str, to: str | None = None, *, null: bool = False, server_default: str | None = None) -> Column[int]:
    """Declare an integer, which may refer to the column *to*."""
    return Column(name, Int, *([ForeignKey(to)] if to else []), nullable=null, server_default=server_default)


def string(name: str, to: str | None = None, *, null: bool = False, server_default: str | None = None) -> Column[str]:
    """Declare a text, which may refer to the column *to*."""
    return Column(name, Text, *([ForeignKey(to)] if to else []), nullable=null, server_default=server_default)


def binary(name: str, *, null: bool = False) -> Column[bytes]:
    """Declare bytes."""
    return Column(name, LargeBinary, nullable=null)
