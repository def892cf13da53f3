"""What changed in the store since the last run of an earlier day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import func, select

from conversions.ledger.queries.overview import PROBLEMS
from conversions.ledger.schema import tables, views
from conversions.ledger.store import Ledger, instant, microseconds


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different now from the end of an earlier run."""

    run: int
    """The last run that finished on an earlier day."""
    finished: datetime
    """Aware, UTC."""
    new_problems: int
    """Orders that need a person since then."""
    states: dict[str, dict[str, int]]
    """By destination and state: how many orders more (or fewer, below zero) than then; without zeros."""


def changes(ledger: Ledger, before: datetime, states: Mapping[str, Mapping[str, int]]) -> Changes | None:
    """Compare *states*, the present counts, with the last run that finished *before* (aware).

    Return None where no such run recorded its counts.
    """
    r, d = tables.run.c, views.exceptional.c
    query = select(r.id, r.finished_us, r.report).where(r.command == "run", r.finished_us < microseconds(before))
    with ledger.transaction() as connection:
        for run, finished_us, report in connection.execute(query.order_by(r.id.desc()).limit(10)):
            if then := orjson.loads(report or "{}").get("states"):
                new = select(func.count()).where(PROBLEMS, d.acknowledged_us.is_(None), d.settled_run > run)
                problems = int(connection.execute(new).scalar_one())
                return Changes(run, instant(finished_us), problems, _differences(then, states))
    return None


def _differences(
    then: Mapping[str, Mapping[str, int]], now: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    differences = {
        name: {
            state: now.get(name, {}).get(state, 0) - then.get(name, {}).get(state, 0)
            for state in sorted({*now.get(name, {}), *then.get(name, {})})
        }
        for name in sorted({*now, *then})
    }
    changed = {name: {s: n for s, n in by_state.items() if n} for name, by_state in differences.items()}
    return {name: by_state for name, by_state in changed.items() if by_state}
