"""Begin and finish runs: each has an epoch, an operator, settings, a policy and a window."""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import ColumnElement, Connection, Select, case, func, insert, select, text, update

from conversions import __version__
from conversions.errors import ConversionsError, LedgerError, SettingsError
from conversions.ledger import judgements, log
from conversions.ledger.batches.contents import members
from conversions.ledger.log import bound, head_file
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import OPEN, OPEN_BATCH
from conversions.ledger.standing import make_exceptions
from conversions.ledger.standing.open_batches import regular_of
from conversions.ledger.store import Ledger, instant
from conversions.model.conversion import Reason, Window
from conversions.model.local_time import local_time
from conversions.process.operator import operator

MAX_CLOCK_STEP_BACK = timedelta(minutes=5)
"""A clock may go back by less than this: time synchronisation corrects a machine by seconds."""
_OLDEST_RESTATED = text("""
    SELECT min(d.day) FROM revision v JOIN delivery d ON d.id = v.delivery
    WHERE v.state IN ('pending', 'in_flight', 'unknown')
""")


_OPEN_RUNS = "SELECT r.id FROM run r WHERE coalesce(r.waiting, 1) > 0"
_UNREAD_BATCHES = text(f"""
    SELECT b.id, o.members FROM batch b JOIN blob o ON o.batch = b.id WHERE {OPEN_BATCH} AND b.state = 'pending'
    AND b.expires_at <= :now AND b.run <> :run AND b.run IN ({_OPEN_RUNS}) ORDER BY b.id
""")
_EXPIRE = text(f"""
    UPDATE exception SET state = 'expired', reason = :reason, settled_run = :run
    WHERE {OPEN} AND state IN ('pending', 'deferred') AND expires_at <= :now AND run <> :run
    AND run IN ({_OPEN_RUNS}) RETURNING id
""")
_OLDEST_BATCH = text(f"SELECT min(day) FROM batch WHERE {OPEN_BATCH} AND run IN ({_OPEN_RUNS})")
_OLDEST_EXCEPTION = text(f"""
    SELECT min(day) FROM exception WHERE {OPEN} AND run IN ({_OPEN_RUNS})
    AND NOT (state = 'unknown' AND coalesce(expires_at <= :now, false))
""")


@dataclass(frozen=True, slots=True)
class RunMetadata:
    """Metadata of a run, for the store and the log."""

    command: str
    window: Window
    settings: str
    """Text without secrets."""
    policy: str
    policy_version: str
    legal_basis: str
    zone: ZoneInfo
    """The shop's, for messages."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun."""

    id: int
    epoch: int
    policy: str
    """SHA-256 of the policy's text, 64 hex."""
    policy_version: str
    legal_basis: str
    moved_from: str | None = None
    """Host of the previous run, if it is another host."""


def begin(ledger: Ledger, metadata: RunMetadata) -> Run:
    """Record a new run and raise the epoch, so that no earlier run can commit.

    Raises SettingsError where the clock is behind the log's newest entry.
    """
    with ledger.transaction() as connection:
        _check_clock(connection, ledger.clock(), metadata.zone)
        epoch = _raise_epoch(connection)
        settings = store_document(connection, "settings", metadata.settings)
        policy = store_document(connection, "policy", metadata.policy)
        facts = {
            "command": metadata.command,
            "operator": operator(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": __version__,
            "since": metadata.window.since.isoformat(),
            "until": metadata.window.until.isoformat(),
            "settings": settings,
            "policy": policy,
            "policy_version": metadata.policy_version,
            "legal_basis": metadata.legal_basis,
        }
        now = ledger.now_us
        previous = connection.execute(select(tables.run).order_by(tables.run.c.id.desc()).limit(1)).one_or_none()
        number = connection.execute(
            insert(tables.run)
            .values(**facts, reason=metadata.reason, started_us=now, epoch=epoch)
            .returning(tables.run.c.id)
        ).scalar_one()
        for name in ("run", "waiting"):
            bound.bind(connection, name, tables.run.c.id == number)
        bound.state_everything(connection)
        ledger.epoch = epoch
        for kind in ("settings", "policy"):
            if previous is not None and previous._mapping[kind] != facts[kind]:  # noqa: SLF001
                changed = {"run": number, "old": previous._mapping[kind], "new": facts[kind]}  # noqa: SLF001
                log.append(connection, f"{kind} changed", now, changed, epoch=epoch)
        log.append(connection, "run", now, {"run": number, **facts}, epoch=epoch)
        moved_from = _moved_from(connection, number, str(facts["host"]))
    return Run(number, epoch, policy, metadata.policy_version, metadata.legal_basis, moved_from)


def _moved_from(connection: Connection, run: int, host: str) -> str | None:
    r = tables.run.c
    query = select(r.host).where(r.id < run, r.command == "run", r.finished_us.is_not(None)).order_by(r.id.desc())
    last_host = connection.execute(query.limit(1)).scalar()
    return None if last_host == host else last_host


def acquire_epoch(ledger: Ledger) -> None:
    """Raise the epoch without a run, for a command that holds the run lock and sends nothing."""
    with ledger.transaction() as connection:
        ledger.epoch = _raise_epoch(connection)


def _raise_epoch(connection: Connection) -> int:
    raised = update(tables.head).values(epoch=tables.head.c.epoch + 1).returning(tables.head.c.epoch)
    return int(connection.execute(raised).scalar_one())


def last_run(column: ColumnElement[str]) -> Select[str]:
    """Query for *column* of the newest run that may send."""
    return select(column).where(tables.run.c.command == "run").order_by(tables.run.c.id.desc()).limit(1)


def last_begun(ledger: Ledger) -> datetime | None:
    """Start time of the newest run, or None if there is none; aware, UTC."""
    with ledger.transaction() as connection:
        started = connection.execute(select(tables.run.c.started_us).order_by(tables.run.c.id.desc()).limit(1)).scalar()
    return None if started is None else instant(started)


def future_entry(connection: Connection, now: datetime) -> datetime | None:
    """Time of the newest log entry if it is in the future (aware, UTC), else None."""
    newest = connection.execute(select(tables.leaf.c.body).order_by(tables.leaf.c.seq.desc()).limit(1)).scalar()
    entry_time = instant(orjson.loads(newest)["t"]) if newest else now
    return entry_time if entry_time - now > MAX_CLOCK_STEP_BACK else None


def _check_clock(connection: Connection, now: datetime, zone: ZoneInfo) -> None:
    """Raise SettingsError where the clock went back: ages would be wrong, and old orders would count twice."""
    if entry_time := future_entry(connection, now):
        raise SettingsError(
            f"This machine's clock says {local_time(now, zone)}, and the log's newest entry is of "
            f"{local_time(entry_time, zone)}: the clock went back, so nothing is sent. Set it, then `conversions run`; "
            "or, if the old time was wrong, `conversions adopt --clock --reason TEXT`."
        )


def mark_staged(ledger: Ledger, run: Run, window: Window, destinations: Sequence[int]) -> None:
    """Mark the window as read, evaluated and stored, so that the run may claim its orders."""
    with ledger.transaction() as connection:
        _expire_unread(connection, run, ledger.now_us)
        _mark_read(connection, window, destinations)
        log.append(connection, "window staged", ledger.now_us, {"run": run.id}, epoch=run.epoch)


def _expire_unread(connection: Connection, run: Run, now_us: int) -> None:
    """Expire unsent orders that this run did not read and that are too old."""
    limits = {"run": run.id, "now": now_us // 1_000_000}
    for batch in connection.execute(_UNREAD_BATCHES, limits).all():
        make_exceptions(connection, regular_of(connection, batch.id, members(batch.members)))
    expired = connection.execute(_EXPIRE, {**limits, "reason": Reason.TOO_OLD}).scalars().all()
    judgements.record(connection, now_us, sorted(expired), run=run.id)


def _mark_read(connection: Connection, window: Window, destinations: Sequence[int]) -> None:
    """Set ``read_until`` to the window's end where there is no gap between the window and the days read before.

    A destination that this run omits in its first window gets the day before it, so that a later run starts there.
    """
    place = tables.destination.c
    day_before = (window.since - timedelta(days=1)).isoformat()
    no_gap = place.read_until.is_(None) | (place.read_until >= day_before)
    until = window.until.isoformat()
    latest = case((place.read_until > until, place.read_until), else_=until)
    omitted = update(tables.destination).where(place.id.not_in(destinations), place.read_until.is_(None))
    read = update(tables.destination).where(place.id.in_(destinations), no_gap)
    with bound.changed(connection, "destination"):
        connection.execute(read.values(read_until=latest))
        connection.execute(omitted.values(read_until=day_before))


@contextmanager
def closed_on_error(ledger: Ledger, run: Run) -> Iterator[None]:
    """Finish the run with its exit code when an error stops it, except where the store itself fails."""
    try:
        yield
    except LedgerError:
        raise
    except ConversionsError as error:
        finish(ledger, run, {"run_id": run.id, "exit_code": int(error.exit_code), "stopped": type(error).__name__})
        raise


def finish(ledger: Ledger, run: Run, report: Mapping[str, Any], *, waiting: int | None = None) -> str | None:
    """Finish the run with its report, append to the tail file, and return the checkpoint's text.

    *waiting* is the number of unsent orders, None if it is unknown: later runs extend their window to these orders.
    """
    with ledger.transaction() as connection:
        now, text = ledger.now_us, orjson.dumps(report, default=_decimal).decode()
        this = tables.run.c.id == run.id
        with bound.changed(connection, "run", this), bound.changed(connection, "waiting", this):
            closed = update(tables.run).where(this)
            connection.execute(closed.values(finished_us=now, report=text, waiting=waiting))
        if held_back := _count_held_back(report):
            log.append(connection, "held back", now, {"run": run.id, "orders": held_back}, epoch=run.epoch)
        bound.state_everything(connection)
        log.append(connection, "run finished", now, {"run": run.id, "exit": report["exit_code"]}, epoch=run.epoch)
    return record_tree_head(ledger)


def _count_held_back(report: Mapping[str, Any]) -> dict[str, dict[str, dict[str, int]]]:
    """Withheld and quarantined orders by destination, state and reason, without empty entries."""
    totals = report.get("destinations", {})
    counts = {
        name: {s: total[s] for s in ("withheld", "quarantined") if total.get(s)} for name, total in totals.items()
    }
    return {name: by_state for name, by_state in counts.items() if by_state}


def record_tree_head(ledger: Ledger) -> str | None:
    """Append the log's size and root to the tail file, write a checkpoint, and return its text."""
    with ledger.transaction() as connection:
        size, root = connection.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()
    at = ledger.clock().isoformat(timespec="seconds")
    head_file.append(ledger.tail_path, head_file.TreeHead(ledger.store_id, size, root.hex(), at))
    return ledger.write_checkpoint(ledger) if ledger.write_checkpoint else None


def extend_window(ledger: Ledger, window: Window, destinations: Sequence[str]) -> Window:
    """Extend *window* back to the oldest unsent order and to the last day read, so that no day is skipped."""
    with ledger.transaction() as connection:
        place, now = tables.destination.c, {"now": ledger.now_us // 1_000_000}
        oldest = connection.execute(_OLDEST_BATCH).scalar()
        oldest_alone = connection.execute(_OLDEST_EXCEPTION, now).scalar()
        restated = connection.execute(_OLDEST_RESTATED).scalar()
        read = connection.execute(select(func.min(place.read_until)).where(place.name.in_(destinations))).scalar()
    days = [date.fromisoformat(day) for day in (oldest, oldest_alone, restated, read) if day is not None]
    return Window(min([window.since, *days]), window.until)


def _decimal(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(type(value).__name__)


def store_document(connection: Connection, kind: str, body: str) -> str:
    """Store a text once; return its SHA-256."""
    digest = sha256(body.encode()).hexdigest()
    stored = select(tables.document.c.sha256).where(tables.document.c.sha256 == digest)
    if connection.execute(stored).first() is None:
        connection.execute(insert(tables.document).values(sha256=digest, kind=kind, body=body))
    return digest
