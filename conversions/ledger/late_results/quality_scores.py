"""How a platform rates what it gets, as it said last: worth knowing, and no more."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.states import SENT
from conversions.ledger.store import Ledger, instant

DAILY = timedelta(hours=20)
"""A nightly run begins a little earlier or later than the one before."""


class Score(NamedTuple):
    """One figure."""

    destination: str
    name: str
    """The platform's."""
    value: float
    at: datetime
    """Aware, UTC."""


def due(ledger: Ledger, destination: int) -> bool:
    """Whether there is something to rate, and it was not asked about within the last day."""
    place, d = tables.destination.c, tables.delivery.c
    received = select(d.id).where(d.destination == destination, d.state.in_(SENT)).exists()
    before = ledger.now_us - DAILY // timedelta(microseconds=1)
    old = place.scored_us.is_(None) | (place.scored_us <= before)
    with ledger.transaction() as connection:
        return connection.execute(select(place.id).where(place.id == destination, old, received)).first() is not None


def begin(ledger: Ledger, run: Run, destination: int, name: str) -> None:
    """Log that it is about to be asked, before the question leaves."""
    place = tables.destination
    with ledger.transaction() as connection:
        connection.execute(update(place).where(place.c.id == destination).values(scored_us=ledger.now_us))
        facts = {"run": run.id, "destination": name}
        log.append(connection, "quality asked", ledger.now_us, facts, epoch=run.epoch)


def keep(ledger: Ledger, run: Run, destination: int, said: Mapping[str, float]) -> None:
    """Put what was *said* in place of what was said before."""
    score = tables.score
    rows = [{"destination": destination, "name": n, "value": v, "at_us": ledger.now_us} for n, v in said.items()]
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        connection.execute(delete(score).where(score.c.destination == destination))
        connection.execute(insert(score), rows)


def current(ledger: Ledger) -> list[Score]:
    """What was said last."""
    score, place = tables.score.c, tables.destination.c
    query = select(place.name, score.name, score.value, score.at_us).join(
        tables.destination, place.id == score.destination
    )
    with ledger.transaction() as connection:
        rows = connection.execute(query.order_by(place.name, score.name)).all()
    return [Score(*row[:3], instant(row.at_us)) for row in rows]
