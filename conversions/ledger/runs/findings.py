"""Findings that the operator knows or has accepted, so that a run reports one problem once.

A finding that makes a run exit 1 does so in its first run, when the affected count has grown by half, and weekly. A
finding that one run does not have is new when it returns. An acceptance ends when the finding gets worse, or was absent
for a week.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from conversions.errors import Exit, Usage
from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.runs.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant
from conversions.model.finding import Finding, FindingLevel
from conversions.process.operator import operator

REMIND_AFTER = timedelta(days=7)
"""Time after which a run reports a known finding again."""
_REMIND_AFTER_US = (REMIND_AFTER - timedelta(hours=1)) // timedelta(microseconds=1)
"""One hour less, because the start time of a nightly run varies."""


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """An open finding, known from an earlier run."""

    code: str
    destination: str | None
    about: str
    sentence: str
    count: int
    since: datetime
    """Aware, UTC."""
    accepted: bool


def mark_known(ledger: Ledger, findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings*; those that the operator knows or has accepted become silent. Reads only."""
    with ledger.transaction() as connection:
        known = _known(connection)
    return [_silence_if_known(finding, known.get(finding.key), ledger.now_us) for finding in findings]


def save(ledger: Ledger, run: Run, findings: Sequence[Finding], evaluated_codes: Iterable[str]) -> None:
    """Save this run's findings; close known findings of the *evaluated_codes* that it did not find."""
    reported = [finding for finding in findings if finding.level is FindingLevel.ATTENTION]
    reported_keys = {finding.key for finding in reported}
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        known, t = _known(connection), tables.told.c
        for finding in reported:
            _save(connection, finding, known.get(finding.key), ledger.now_us)
        codes = frozenset(evaluated_codes)
        for key, row in known.items():
            if key not in reported_keys and row.code in codes:
                same = (t.code == row.code, t.destination == row.destination, t.about == row.about)
                connection.execute(update(tables.told).where(*same).values(told_us=None))
        over = t.accepted.is_(None) | (t.seen_us <= ledger.now_us - _REMIND_AFTER_US)
        with bound.changed(connection, "acceptance", t.told_us.is_(None), over) as ended:
            connection.execute(delete(tables.told).where(t.told_us.is_(None), over))
        if ended:
            log.append(connection, "acceptances ended", ledger.now_us, {"run": run.id, "count": ended}, epoch=run.epoch)


def accept(ledger: Ledger, code: str, destination: str | None, reason: str) -> int:
    """Accept the open findings of *code* at *destination* (None: all) until they get worse; return their number.

    Raises Usage where no such finding is open. The caller holds the run lock.
    """
    t = tables.told.c
    matches = [t.code == code, t.told_us.is_not(None)] + ([t.destination == destination] if destination else [])
    with ledger.transaction() as connection:
        rows = connection.execute(select(tables.told).where(*matches)).all()
        if not rows:
            raise Usage(
                f"No finding {code!r} is open; nothing was changed. `conversions status` lists the open findings."
            )
        with bound.changed(connection, "acceptance", *matches):
            connection.execute(update(tables.told).where(*matches).values(accepted=t.measure))
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
    """Log that the operator accepts findings that would stop this run, and why."""
    for finding in findings:
        if finding.level is FindingLevel.STOP:
            facts = {"run": run.id, "operator": operator(), "reason": reason or "", "count": finding.count}
            about = {"destination": finding.destination, "about": finding.about, "accepted": finding.accept}
            with ledger.transaction() as connection:
                log.append(connection, f"{finding.code} accepted", ledger.now_us, {**facts, **about}, epoch=run.epoch)


def open_findings(ledger: Ledger) -> list[KnownFinding]:
    """Open findings of the last run that evaluated them, oldest first."""
    t = tables.told.c
    with ledger.transaction() as connection:
        query = select(tables.told).where(t.told_us.is_not(None)).order_by(t.first_us, t.code, t.destination, t.about)
        return [_known_finding(row) for row in connection.execute(query)]


def _known_finding(row: Row[Any]) -> KnownFinding:
    since = instant(row.first_us).replace(microsecond=0)
    accepted = row.accepted is not None
    return KnownFinding(row.code, row.destination or None, row.about, row.sentence, row.affected, since, accepted)


def _known(connection: Connection) -> dict[tuple[str, str, str], Row[Any]]:
    return {(row.code, row.destination, row.about): row for row in connection.execute(select(tables.told))}


def _silence_if_known(finding: Finding, known: "Row[Any] | None", now_us: int) -> Finding:
    if finding.exit_code is not Exit.ATTENTION or known is None:
        return finding
    grown = finding.count * 2 >= known.affected * 3 and not finding.once
    all_of_more = known.accepted == 1 and finding.share == 1 and grown
    if known.accepted is not None and not (_has_worsened(_measure(finding), known.accepted) or all_of_more):
        return finding.silent()
    if known.told_us is None or finding.every_run or grown:
        return finding
    due = not finding.once and now_us - known.told_us >= _REMIND_AFTER_US
    return finding if due else finding.silent()


def _save(connection: Connection, finding: Finding, known: "Row[Any] | None", now_us: int) -> None:
    """Insert or update a finding. The measure is always the present one, so that `accept` accepts the present state."""
    is_reported = finding.exit_code is Exit.ATTENTION or known is None or known.told_us is None
    report = {"told_us": now_us, "affected": finding.count} if is_reported else {}
    present = {"measure": _measure(finding), "sentence": finding.sentence, "seen_us": now_us}
    key = dict(zip(("code", "destination", "about"), finding.key, strict=True))
    of_key = (getattr(tables.told.c, name) == value for name, value in key.items())
    if not connection.execute(update(tables.told).where(*of_key).values(**present, **report)).rowcount:
        first = {"told_us": now_us, "first_us": now_us, "affected": finding.count}
        connection.execute(insert(tables.told).values(**key, **present, **first))


def _measure(finding: Finding) -> float:
    return float(finding.count) if finding.share is None else finding.share


def _has_worsened(now: float, accepted: float) -> bool:
    """True at 1.5 times the accepted measure; for a share also halfway from it to 1."""
    return now >= 1.5 * accepted or (accepted < 1 and now >= (1 + accepted) / 2)
