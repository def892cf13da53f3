"""Says what a verification checks and what it does not, by reading the declaration."""

from collections.abc import Iterator

from conversions.audit.verify.declaration import DECLARATIONS, ROWS, Cover

MAX_COLUMNS = 4
"""Up to this many columns of a table are named in a sentence; ``--json`` has all."""
_SENTENCES = {
    Cover.BOUND: "Compared with the log",
    Cover.DERIVED: "Recomputed",
    Cover.FREE: "Not checked, because it decides nothing",
    Cover.UNBOUND: "Not checked, because the log does not bind it yet, so that a change of it would not be noticed",
}

PAST_THE_LOG = (
    "Not visible here: what was sent past this log. The platforms' totals show it: `conversions audit compare`."
)


def sentences() -> Iterator[str]:
    """One sentence for each cover, with its tables and columns, and what no check of a store can find."""
    for cover, beginning in _SENTENCES.items():
        tables = {table: _columns(table, cover) for table in DECLARATIONS}
        if named := [_name(table, columns) for table, columns in tables.items() if columns]:
            yield f"{beginning}: {', '.join(named)}."
    yield PAST_THE_LOG


def json() -> dict[str, list[str]]:
    """The columns of each cover, as ``table.column``."""
    return {
        str(cover): [f"{table}.{column}" for table in DECLARATIONS for column in _columns(table, cover)]
        for cover in Cover
    }


def _name(table: str, columns: list[str]) -> str:
    everything = len(DECLARATIONS[table]) - 1
    if len(columns) == everything:
        return table
    if len(columns) > MAX_COLUMNS:
        return f"{table} ({len(columns)} of {everything} columns)"
    return f"{table} ({', '.join(columns)})"


def _columns(table: str, cover: Cover) -> list[str]:
    return [name for name, each in DECLARATIONS[table].items() if each.cover is cover and name != ROWS]
