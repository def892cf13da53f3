"""Which findings a person knows already, and which a person has accepted: so that nobody is called twice for one thing.

A finding that ends a run with 1 does so on its first night, when half as many again are affected, and weekly. What is
gone for a night is forgotten: when it comes back, it is news. What a person has accepted stays so until it worsens, or
was gone for a week.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from conversions.errors import Exit, Usage
from conversions.ledger import log
from conversions.ledger.runs.runs import Run, operator
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant
from conversions.model.finding import Finding, Level

REMIND_AFTER = timedelta(days=7)
"""After so long it is told again."""
_REMIND_AFTER_US = (REMIND_AFTER - timedelta(hours=1)) // timedelta(microseconds=1)
"""A nightly run begins a little earlier or later than the week before."""


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """A finding that is open."""

    code: str
    destination: str | None
    about: str
    sentence: str
    count: int
    since: datetime
    """Aware, UTC."""
    accepted: bool


def mark_known(ledger: Ledger, findings: Iterable[Finding]) -> list[Finding]:
    """*found*, silent where a person knows it or has accepted it. Reads only."""
    with ledger.transaction() as connection:
        known = _known(connection)
    return [_silence_if_known(one, known.get(one.key), ledger.now_us) for one in findings]


def save(ledger: Ledger, run: Run, findings: Sequence[Finding], evaluated_codes: Iterable[str]) -> None:
    """Keep what this run has told; of the *judged* codes, what it did not find is forgotten."""
    told = [one for one in findings if one.level is Level.ATTENTION]
    here = {one.key for one in told}
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        known, t = _known(connection), tables.told.c
        for one in told:
            _keep(connection, one, known.get(one.key), ledger.now_us)
        codes = frozenset(evaluated_codes)
        for key, row in known.items():
            if key not in here and row.code in codes:
                which = (t.code == row.code, t.destination == row.destination, t.about == row.about)
                connection.execute(update(tables.told).where(*which).values(told_us=None))
        over = t.accepted.is_(None) | (t.seen_us <= ledger.now_us - _REMIND_AFTER_US)
        connection.execute(delete(tables.told).where(t.told_us.is_(None), over))


def accept(ledger: Ledger, code: str, destination: str | None, reason: str) -> int:
    """Let everything that was told as *code* (at *destination*; None: anywhere) be known until it worsens; how much.

    Raises Usage where nothing of that name was told. The caller holds the run lock.
    """
    t = tables.told.c
    which = [t.code == code, t.told_us.is_not(None)] + ([t.destination == destination] if destination else [])
    with ledger.transaction() as connection:
        rows = connection.execute(select(tables.told).where(*which)).all()
        if not rows:
            raise Usage(f"No finding {code!r} is open; nothing was changed. `conversions status` lists what is.")
        connection.execute(update(tables.told).where(*which).values(accepted=t.measure))
        facts = {
            "finding": code,
            "destinations": sorted({row.destination for row in rows}),
            "about": sorted({row.about for row in rows}),
            "count": sum(row.affected for row in rows),
            "operator": operator(),
            "reason": reason,
        }
        log.append(connection, "finding accepted", ledger.now_us, facts, epoch=ledger.epoch)
    return len(rows)


def log_accepted(ledger: Ledger, run: Run, findings: Iterable[Finding], reason: str | None) -> None:
    """Log that a person says of what would stop this run that it is no mistake, and why."""
    for one in findings:
        if one.level is Level.STOP:
            facts = {"run": run.id, "operator": operator(), "reason": reason or "", "count": one.count}
            about = {"destination": one.destination, "about": one.about, "accepted": one.accept}
            with ledger.transaction() as connection:
                log.append(connection, f"{one.code} accepted", ledger.now_us, {**facts, **about}, epoch=run.epoch)


def open_findings(ledger: Ledger) -> list[KnownFinding]:
    """What the last run that looked has found, the oldest first."""
    t = tables.told.c
    with ledger.transaction() as connection:
        query = select(tables.told).where(t.told_us.is_not(None)).order_by(t.first_us, t.code, t.destination, t.about)
        return [_known_finding(row) for row in connection.execute(query)]


def _known_finding(row: Row[Any]) -> KnownFinding:
    since = instant(row.first_us).replace(microsecond=0)
    what = (row.code, row.destination or None, row.about, row.sentence, row.affected)
    return KnownFinding(*what, since, row.accepted is not None)


def _known(connection: Connection) -> dict[tuple[str, str, str], Row[Any]]:
    return {(row.code, row.destination, row.about): row for row in connection.execute(select(tables.told))}


def _silence_if_known(one: Finding, known: "Row[Any] | None", now_us: int) -> Finding:
    if one.exit_code is not Exit.ATTENTION or known is None:
        return one
    grown = one.count * 2 >= known.affected * 3 and not one.once
    all_of_more = known.accepted == 1 and one.share == 1 and grown
    if known.accepted is not None and not (_has_worsened(_measure(one), known.accepted) or all_of_more):
        return one.silent()
    if known.told_us is None or one.every_run or grown:
        return one
    due = not one.once and now_us - known.told_us >= _REMIND_AFTER_US
    return one if due else one.silent()


def _keep(connection: Connection, one: Finding, known: "Row[Any] | None", now_us: int) -> None:
    """What was told now; the measure is always today's, so that what is accepted is what is there."""
    fresh = one.exit_code is Exit.ATTENTION or known is None or known.told_us is None
    told = {"told_us": now_us, "affected": one.count} if fresh else {}
    stays = {"measure": _measure(one), "sentence": one.sentence, "seen_us": now_us}
    key = dict(zip(("code", "destination", "about"), one.key, strict=True))
    new = {**key, **stays, "told_us": now_us, "first_us": now_us, "affected": one.count}
    kept = insert(tables.told).values(new)
    connection.execute(
        kept.on_conflict_do_update(index_elements=["code", "destination", "about"], set_={**stays, **told})
    )


def _measure(one: Finding) -> float:
    return float(one.count) if one.share is None else one.share


def _has_worsened(now: float, accepted: float) -> bool:
    """Half as many again; of a share, or halfway to all."""
    return now >= 1.5 * accepted or (accepted < 1 and now >= (1 + accepted) / 2)
