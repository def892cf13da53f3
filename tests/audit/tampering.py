"""A corpus of alterations of a store, and an oracle that does not ask the verifier what a store's logged content is.

``python -m tests.audit.tampering 10000`` tries so many; a seed tries one again.
"""

import os
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from unittest import mock

from conversions.audit import open_log
from conversions.audit.evidence import verifier
from conversions.audit.evidence.bundle import bundle
from conversions.audit.verify.declaration import DECLARATIONS, ROWS, Cover
from conversions.audit.verify.result import VerificationResult
from conversions.audit.verify.verify import LogLocation, verify
from conversions.ledger import open_shared
from conversions.ledger.subjects import suppressions
from tests.audit import schema_tampering
from tests.audit.erasing import erase
from tests.audit.rich_store import rich_store
from tests.audit.schema_tampering import columns, copied_row, key, tables
from tests.audit.shop import ENVIRONMENT, SATURDAY, SUNDAY, Shop, new_shop, two_nights

STORE, TAIL, CHECKPOINTS = "var/conversions.db", "var-conversions.tail", "var-conversions.checkpoints"


def logged(path: Path) -> object:
    """What the declaration promises to vouch for, or that the store cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            return {
                (table, column): store.execute(_query(store, table, column, declared.rows)).fetchall()
                for table, columns in DECLARATIONS.items()
                for column, declared in columns.items()
                if declared.cover in {Cover.BOUND, Cover.DERIVED}
            }
    except (sqlite3.Error, OSError, ValueError):
        return "unreadable"


def _query(store: sqlite3.Connection, table: str, column: str, rows: str) -> str:
    """The values of a column with the keys of their rows, where the declaration vouches for these, too."""
    keys = key(store, table)[1:-1].split(", ")
    declared = DECLARATIONS[table]
    vouched = [name for name in keys if name in declared and declared[name].cover in {Cover.BOUND, Cover.DERIVED}]
    names = ", ".join(dict.fromkeys([*vouched, *([] if column == ROWS else [column])])) or "count(*)"
    return f"SELECT {names} FROM {table} WHERE {rows} ORDER BY {names}"


@contextmanager
def opened(home: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(home / STORE)) as store, store:
        yield store


def flipped_bit(home: Path, chance: random.Random) -> None:
    content = bytearray((home / STORE).read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    (home / STORE).write_bytes(content)


def overwritten(home: Path, chance: random.Random) -> None:
    content = bytearray((home / STORE).read_bytes())
    at, length = chance.randrange(len(content)), chance.randrange(1, 65)
    content[at : at + length] = chance.randbytes(len(content[at : at + length]))
    (home / STORE).write_bytes(content)


def cut_short(home: Path, chance: random.Random) -> None:
    with (home / STORE).open("r+b") as file:
        file.truncate(chance.randrange((home / STORE).stat().st_size))


def deleted(home: Path, chance: random.Random) -> None:
    with opened(home) as store:
        table, row = _some(store, chance)
        store.execute(f"DELETE FROM {table} WHERE {_is(store, table)}", row)


def inserted(home: Path, chance: random.Random) -> None:
    """A row that is like another but for its key."""
    with opened(home) as store:
        table, _ = _some(store, chance)
        copied_row(table)(store)


def swapped(home: Path, chance: random.Random) -> None:
    """Two rows have each other's value."""
    with opened(home) as store:
        table, one = _some(store, chance)
        column, this = _column(store, table, chance), _is(store, table)
        names = key(store, table)[1:-1]
        others = store.execute(f"SELECT {column}, {names} FROM {table} WHERE NOT {this}", one).fetchall()
        if others:
            value, *other = chance.choice(others)
            (mine,) = store.execute(f"SELECT {column} FROM {table} WHERE {this}", one).fetchone()
            store.execute(f"UPDATE {table} SET {column} = ? WHERE {this}", (value, *one))
            store.execute(f"UPDATE {table} SET {column} = ? WHERE {this}", (mine, *other))


def changed(home: Path, chance: random.Random) -> None:
    """One value is another."""
    with opened(home) as store:
        table, row = _some(store, chance)
        column, this = _column(store, table, chance), _is(store, table)
        (value,) = store.execute(f"SELECT {column} FROM {table} WHERE {this}", row).fetchone()
        store.execute(f"UPDATE {table} SET {column} = ? WHERE {this}", (_other(value, chance), *row))


def rolled_back(home: Path, _: random.Random) -> None:
    shutil.copy(home / "older.db", home / STORE)


def retyped(home: Path, chance: random.Random) -> None:
    """A table that has lost its types, and one value of another."""
    with opened(home) as store:
        table, row = _some(store, chance)
        column, this = _column(store, table, chance), _is(store, table)
        store.execute("PRAGMA legacy_alter_table = ON")  # the view names the table that is gone
        store.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")
        store.execute(f"DROP TABLE {table}")
        store.execute(f"ALTER TABLE loose RENAME TO {table}")
        store.execute(f"UPDATE {table} SET {column} = ? WHERE {this}", (chance.choice(ODD), *row))


def dropped(home: Path, chance: random.Random) -> None:
    with opened(home) as store:
        store.execute(f"DROP TABLE {chance.choice(tables(store))}")


def witness_altered(home: Path, chance: random.Random) -> None:
    """A byte of a checkpoint or of the tail file."""
    path = chance.choice([home / TAIL, *(home / CHECKPOINTS).iterdir()])
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


ODD = (None, 3.5, "text", b"bytes", -1, 2**62, "", b"", "\N{SNOWMAN}", '{"kind": []}')
ALTERATIONS: dict[Callable[[Path, random.Random], None], int] = {
    flipped_bit: 8,
    overwritten: 3,
    cut_short: 1,
    deleted: 3,
    inserted: 2,
    swapped: 3,
    changed: 4,
    retyped: 1,
    dropped: 1,
    rolled_back: 1,
    witness_altered: 2,
}
"""Each with its weight."""


def _is(store: sqlite3.Connection, table: str) -> str:
    """SQL that finds a row by its key."""
    names = key(store, table)
    return f"{names} = ({', '.join('?' * len(names.split(',')))})"


def _column(store: sqlite3.Connection, table: str, chance: random.Random) -> str:
    return chance.choice([name for name, _ in columns(store, table)])


def _some(store: sqlite3.Connection, chance: random.Random) -> tuple[str, tuple[object, ...]]:
    """The key of a row of a table."""
    rows: list[tuple[object, ...]] = []
    while not rows:
        table = chance.choice(tables(store))
        rows = store.execute(f"SELECT {key(store, table)[1:-1]} FROM {table}").fetchall()
    return table, chance.choice(rows)


def _other(value: object, chance: random.Random) -> object:
    match value:
        case int():
            return value + chance.choice((-1, 1, 1000))
        case str() if value:
            at = chance.randrange(len(value))
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        case bytes() if value:
            at = chance.randrange(len(value))
            return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        case _:
            return 1


@dataclass(frozen=True, slots=True)
class Original:
    """A shop after two runs, with an objection, an erased event, and a copy of its store after the first run."""

    home: Path
    content: object

    def altered(self, seed: int, home: Path) -> "Trial":
        """One alteration of a copy, and what the verifier says of it."""
        chance = random.Random(seed)
        alter = chance.choices(list(ALTERATIONS), list(ALTERATIONS.values()))[0]
        shutil.copytree(self.home, home)
        try:
            with suppress(sqlite3.IntegrityError, sqlite3.OperationalError):  # the store itself forbids it
                alter(home, chance)
            verdict = verify(place(home))
            return Trial(seed, alter.__name__, logged(home / STORE) != self.content, verdict)
        finally:
            shutil.rmtree(home)


@dataclass(frozen=True, slots=True)
class Trial:
    seed: int
    alteration: str
    changed: bool
    """Whether logged content is another than before."""
    verdict: VerificationResult

    @property
    def missed(self) -> bool:
        return self.changed and self.verdict.intact


def place(home: Path) -> LogLocation:
    return LogLocation(home / STORE, home / TAIL, home / CHECKPOINTS)


def original(home: Path) -> Original:
    """Made once; every alteration begins with it."""
    shop = new_shop(home)
    shop.sells(3, date(2026, 11, 19))
    shop.sends(SATURDAY, "lost:metax1", "require-token:meta")
    whole(home)
    shutil.copy(home / STORE, home / "older.db")
    with open_shared(shop.settings, shop.clock) as ledger:
        suppressions.add(ledger, (bytes(16),), "asked us to")
        suppressions.remove(ledger, (bytes(16),), "asked us not to")
    erase(shop)
    shop.sells(2, date(2026, 11, 20))
    shop.sends(SUNDAY, reason="the second night")
    whole(home)
    for spare in ("var/conversions.db.lock", "orders"):
        shutil.rmtree(home / spare) if (home / spare).is_dir() else (home / spare).unlink(missing_ok=True)
    return Original(home, logged(home / STORE))


def whole(home: Path) -> None:
    """Everything in one file."""
    with closing(sqlite3.connect(home / STORE)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def accepted(bundle: Path, positions: Iterable[int]) -> list[int]:
    """Of *positions* of a bundle's bytes those that can be changed unseen. A trusted copy of the verifier looks."""
    content = bytearray(bundle.read_bytes())
    unseen = []
    for at in positions:
        content[at] ^= 1 << at % 8
        bundle.write_bytes(content)
        with suppress(Exception):
            verifier.verify(bundle)
            unseen.append(at)
        content[at] ^= 1 << at % 8
    bundle.write_bytes(content)
    return unseen


def evidence(shop: Shop, out: Path) -> Path:
    """A bundle of both nights."""
    with mock.patch.dict(os.environ, ENVIRONMENT), open_log(shop.settings, shop.clock) as log:
        bundle(log, shop.settings, shop.clock(), (date(2026, 11, 1), date(2026, 11, 30)), out)
    return out


def main(most: int) -> int:
    """Try every alteration that the schema lists, *most* random ones, and every byte of a bundle; print what was missed."""
    return _listed() + _random(most) + _bundle(most)


def _listed() -> int:
    with tempfile.TemporaryDirectory() as directory:
        settings = rich_store(Path(directory) / "shop")
        whole(settings.store_path.parents[1])
        assert verify(place(settings.store_path.parents[1])).intact
        outcomes = schema_tampering.run_all(settings, Path(directory))
        for line in schema_tampering.report(outcomes, settings.store_path):
            print(line)
    missed = sum(each.missed for each in outcomes)
    print(f"{len(outcomes)} alterations that the schema lists, {missed} missed.")
    return missed


def _random(most: int) -> int:
    found, missed = Counter[str](), []
    with tempfile.TemporaryDirectory() as directory:
        begun = original(Path(directory) / "original")
        assert verify(place(begun.home)).intact
        for seed in range(most):
            trial = begun.altered(seed, Path(directory) / "altered")
            outcome = "found" if not trial.verdict.intact else "MISSED" if trial.changed else "nothing declared changed"
            found[f"{trial.alteration}: {outcome}"] += 1
            missed += [trial] if trial.missed else []
    for line, count in sorted(found.items()):
        print(f"{count:>7}  {line}")
    for trial in missed:
        print(f"MISSED  seed {trial.seed}: {trial.alteration}")
    print(f"{most} random alterations, {len(missed)} missed.")
    return len(missed)


def _bundle(most: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        packed = evidence(two_nights(Path(directory) / "shop"), Path(directory) / "evidence.zip")
        size = packed.stat().st_size
        tried = range(0, size, max(1, size // most))
        unseen = accepted(packed, tried)
    print(f"{len(tried)} of a bundle's {size} bytes altered, {len(unseen)} unseen.")
    return len(unseen)


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1])), 1))
