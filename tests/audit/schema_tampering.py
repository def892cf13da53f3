"""Alterations that the schema lists: every column in one row and in all, every row, every table, objects added.

It asks the store's own schema what there is, and the declaration only what to expect, not the verifier's rules.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from conversions.audit.verify.declaration import DECLARATIONS, ROWS, Cover
from conversions.audit.verify.verify import LogLocation, log_location, verify
from conversions.settings import Settings

MAX_ROWS = 12
"""Rows of a table that are deleted one by one."""
Alter = Callable[[sqlite3.Connection], object]


@dataclass(frozen=True, slots=True)
class Alteration:
    """One alteration of one column, or of the rows (column ROWS), or of the schema (column empty)."""

    table: str
    column: str
    how: str
    alter: Alter


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the verifier said of an alteration."""

    alteration: Alteration
    result: str
    """found, not found, or forbidden by the store itself."""

    @property
    def cover(self) -> Cover:
        """What the declaration promises."""
        if not self.alteration.column:
            return Cover.BOUND
        return DECLARATIONS[self.alteration.table][self.alteration.column].cover

    @property
    def missed(self) -> bool:
        """Whether the verifier promises to find it and did not."""
        return self.result == "not found" and self.cover in {Cover.BOUND, Cover.DERIVED}


def tables(store: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [name for (name,) in store.execute(query)]


def columns(store: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """Name and type of each column."""
    return [(row[1], row[2]) for row in store.execute(f"PRAGMA table_info({table})")]


def key(store: sqlite3.Connection, table: str) -> str:
    """The columns of a row's key, as a row value."""
    names = [row[1] for row in store.execute(f"PRAGMA table_info({table})") if row[5]]
    return f"({', '.join(names or ['rowid'])})"


def alterations(path: Path) -> Iterator[Alteration]:
    """Every alteration of the store in *path*."""
    with closing(sqlite3.connect(path)) as store:
        for table in tables(store):
            declared = DECLARATIONS[table]
            for column, kind in columns(store, table):
                yield from _of_column(store, table, column, kind, declared[column].rows)
            yield from _of_rows(store, table, declared[ROWS].rows)
            yield from _of_table(store, table)
    yield from _of_objects()


def _of_column(store: sqlite3.Connection, table: str, column: str, kind: str, condition: str) -> Iterator[Alteration]:
    where = f"WHERE {key(store, table)} IN (SELECT {key(store, table)[1:-1]} FROM {table} WHERE {condition}"
    count = store.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()[0]
    nullable = any(
        row[1] == column and not row[3] and not row[5] for row in store.execute(f"PRAGMA table_info({table})")
    )
    for at in sorted({0, count // 2, count - 1}) if count else ():
        one = f"{where} LIMIT 1 OFFSET {at})"
        yield Alteration(table, column, f"row {at + 1}", _update(table, column, kind, one))
        if nullable:
            yield Alteration(table, column, f"row {at + 1} null", _update(table, column, "NULL", one))
    if count:
        yield Alteration(table, column, "all rows", _update(table, column, kind, f"{where})"))


def _update(table: str, column: str, kind: str, where: str) -> Alter:
    """Change each value into another one of its type."""
    other = {
        "INTEGER": f"iif({column} IS NULL, 1, {column} + 1)",
        "REAL": f"iif({column} IS NULL, 0.5, {column} + 0.25)",
        "TEXT": f"iif({column} IS NULL, 'x', iif({column} GLOB '????-??-??', date({column}, '-1 day'), {column} || 'x'))",
        "BLOB": f"iif({column} IS NULL, x'01', CAST({column} || x'01' AS BLOB))",
        "NULL": "NULL",
    }["TEXT" if kind.startswith("VARCHAR") else kind]

    def alter(store: sqlite3.Connection) -> None:
        changed = store.execute(f"UPDATE {table} SET {column} = {other} {where} AND {column} IS NOT {other}").rowcount
        if not changed:
            raise sqlite3.IntegrityError("there was nothing to change")

    return alter


def _of_rows(store: sqlite3.Connection, table: str, condition: str) -> Iterator[Alteration]:
    row = key(store, table)
    count = store.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()[0]
    for at in sorted({*range(min(count, MAX_ROWS)), count - 1}) if count else ():
        one = f"{row} IN (SELECT {row[1:-1]} FROM {table} WHERE {condition} LIMIT 1 OFFSET {at})"
        yield Alteration(table, ROWS, f"row {at + 1} deleted", _statement(f"DELETE FROM {table} WHERE {one}"))
    if count:
        yield Alteration(table, ROWS, "emptied", _statement(f"DELETE FROM {table}"))
    if count and condition == "1":
        yield Alteration(table, ROWS, "row added", copied_row(table))


def copied_row(table: str) -> Alter:
    """A row like the last one, under another key."""

    def alter(store: sqlite3.Connection) -> None:
        names = [row[1] for row in store.execute(f"PRAGMA table_info({table})") if row[5]] or ["rowid"]
        row = dict(zip([n for n, _ in columns(store, table)], _last(store, table), strict=True))
        for name in names:
            value = row.get(name)
            row[name] = value + 1000 if isinstance(value, int) else f"{value}-" if isinstance(value, str) else value
        these = ", ".join(row)
        store.execute(f"INSERT INTO {table} ({these}) VALUES ({', '.join('?' * len(row))})", list(row.values()))

    return alter


def _last(store: sqlite3.Connection, table: str) -> tuple[object, ...]:
    rows: list[tuple[object, ...]] = store.execute(f"SELECT * FROM {table}").fetchall()
    return rows[-1]


def _of_table(store: sqlite3.Connection, table: str) -> Iterator[Alteration]:
    (sql,) = store.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    (first, _), *_ = columns(store, table)
    yield Alteration(table, "", "dropped", _statement(f"DROP TABLE {table}"))
    yield Alteration(table, "", "column added", _statement(f"ALTER TABLE {table} ADD COLUMN extra TEXT"))
    yield Alteration(table, "", "index added", _statement(f"CREATE INDEX extra ON {table} ({first})"))
    voided = f"CREATE TRIGGER extra BEFORE INSERT ON {table} BEGIN SELECT RAISE(IGNORE); END"
    yield Alteration(table, "", "trigger added", _statement(voided))
    loose = sql.replace("STRICT", "", 1).rstrip().rstrip(",") if "STRICT" in sql else sql.replace("PRIMARY", "UNIQUE")
    yield Alteration(table, "", "made anew", _made_anew(table, loose))
    for index, unique in [(row[1], row[2]) for row in store.execute(f"PRAGMA index_list({table})") if row[3] == "c"]:
        yield Alteration(table, "", f"index {index} dropped", _statement(f"DROP INDEX {index}"))
        same_name = f"DROP INDEX {index}; CREATE INDEX {index} ON {table} ({first})"
        yield Alteration(table, "", f"index {index} changed ({unique})", _statement(same_name))


def _made_anew(table: str, sql: str) -> Alter:
    def alter(store: sqlite3.Connection) -> None:
        store.execute("PRAGMA legacy_alter_table = ON")
        indexes = store.execute(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (table,)
        ).fetchall()
        store.execute(f"ALTER TABLE {table} RENAME TO former")
        store.execute(sql)
        store.execute(f"INSERT INTO {table} SELECT * FROM former")
        store.execute("DROP TABLE former")
        for (index,) in indexes:
            store.execute(index)

    return alter


def _of_objects() -> Iterator[Alteration]:
    yield from _of_view("delivery")
    yield Alteration("event", "", "copied by a view", _statement("CREATE VIEW copies AS SELECT * FROM event"))
    yield Alteration("event", "", "copied by a table", _statement("CREATE TABLE copies AS SELECT * FROM event"))
    yield Alteration(
        "sqlite_schema", "", "virtual table added", _statement("CREATE VIRTUAL TABLE words USING fts5(body)")
    )


def _of_view(view: str) -> Iterator[Alteration]:
    """A view that is gone, that says otherwise of some rows, or that is a table or can be written to."""
    yield Alteration(view, "", "dropped", _statement(f"DROP VIEW {view}"))
    yield Alteration(view, "", "replaced", _replaced(view, "b.state END END", "'received' END END"))
    regular = "(SELECT * FROM delivery_place WHERE place IS NOT NULL) k"
    yield Alteration(view, "", "narrowed", _replaced(view, "delivery_place k", regular))
    copied = f"CREATE TABLE copies AS SELECT * FROM {view}; DROP VIEW {view}; ALTER TABLE copies RENAME TO {view}"
    yield Alteration(view, "", "made a table", _statement(copied))
    ignored = f"CREATE TRIGGER extra INSTEAD OF UPDATE ON {view} BEGIN SELECT RAISE(IGNORE); END"
    yield Alteration(view, "", "trigger added", _statement(ignored))


def _replaced(view: str, old: str, new: str) -> Alter:
    def alter(store: sqlite3.Connection) -> None:
        (sql,) = store.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (view,)).fetchone()
        assert old in sql
        store.execute(f"DROP VIEW {view}")
        store.execute(sql.replace(old, new))

    return alter


def _statement(sql: str) -> Alter:
    return lambda store: [store.execute(each) for each in _split(sql)]


def _split(sql: str) -> list[str]:
    return [sql] if "TRIGGER" in sql else sql.split("; ")


def trial(settings: Settings, copy: Path, alteration: Alteration) -> Outcome:
    """Alter a copy of the store in *copy*, and verify it with the anchors of the original."""
    shutil.copy(settings.store_path, copy)
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as store:
            store.execute("PRAGMA foreign_keys = OFF")
            store.execute("BEGIN")
            alteration.alter(store)
            store.execute("COMMIT")
    except (sqlite3.IntegrityError, sqlite3.OperationalError):
        return Outcome(alteration, "forbidden")
    place = log_location(settings)
    result = verify(LogLocation(copy, place.tail, place.checkpoints))
    return Outcome(alteration, "not found" if result.intact else "found")


def report(outcomes: list[Outcome], path: Path) -> Iterator[str]:
    """A line for each column, and for the rows and the definition of each table."""
    with closing(sqlite3.connect(path)) as store:
        empty = [table for table in tables(store) if store.execute(f"SELECT 1 FROM {table}").fetchone() is None]
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault((each.alteration.table, each.alteration.column), []).append(each)
    for (table, column), group in groups.items():
        cover = f"declared {group[0].cover}" if column else "definition"
        results = [each.result for each in group]
        counts = ", ".join(f"{results.count(r)} {r}" for r in ("found", "not found", "forbidden") if r in results)
        missed = [each.alteration.how for each in group if each.missed]
        name = f"{table}.{column}" if column else table
        yield f"{name:<32} {cover:<18} {counts}" + (f"  NOT FOUND: {', '.join(missed)}" if missed else "")
    if empty:
        yield f"No row to alter: {', '.join(empty)}."


def run_all(settings: Settings, home: Path) -> list[Outcome]:
    """Try every alteration."""
    outcomes = []
    for each in list(alterations(settings.store_path)):
        outcomes.append(trial(settings, home / "altered.db", each))
        for beside in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                (home / f"altered.db{beside}").unlink()
    return outcomes
