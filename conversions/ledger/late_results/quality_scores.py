"""The platform's latest quality scores of the data it receives; for information only."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.standing.open_batches import has_received
from conversions.ledger.store import Ledger, instant

MIN_INTERVAL = timedelta(hours=20)
"""Shorter than a day: a nightly run may begin a little earlier than the one before."""


class Score(NamedTuple):
    """One quality score."""

    destination: str
    name: str
    """The platform's name of the score."""
    value: float
    at: datetime
    """Aware, UTC."""


def due(ledger: Ledger, destination: int) -> bool:
    """True if the destination has received orders and was not polled within the last day."""
    t = tables.destination.c
    before = ledger.now_us - MIN_INTERVAL // timedelta(microseconds=1)
    old = t.scored_us.is_(None) | (t.scored_us <= before)
    with ledger.transaction() as connection:
        is_old = connection.execute(select(t.id).where(t.id == destination, old)).first() is not None
        return is_old and has_received(connection, destination)


def begin_score_poll(ledger: Ledger, run: Run, destination: int, name: str) -> None:
    """Log that the scores are about to be polled, before the status request is sent."""
    t = tables.destination
    with ledger.transaction() as connection:
        with bound.changed(connection, "destination", t.c.id == destination):
            connection.execute(update(t).where(t.c.id == destination).values(scored_us=ledger.now_us))
        facts = {"run": run.id, "destination": name}
        log.append(connection, "quality asked", ledger.now_us, facts, epoch=run.epoch)


def keep(ledger: Ledger, run: Run, destination: int, scores: Mapping[str, float]) -> None:
    """Replace the stored scores of a destination by *scores*."""
    score = tables.score
    rows = [{"destination": destination, "name": n, "value": v, "at_us": ledger.now_us} for n, v in scores.items()]
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        connection.execute(delete(score).where(score.c.destination == destination))
        connection.execute(insert(score), rows)


def current(ledger: Ledger) -> list[Score]:
    """Return the latest scores."""
    score, destination = tables.score.c, tables.destination.c
    query = select(destination.name, score.name, score.value, score.at_us).join(
        tables.destination, destination.id == score.destination
    )
    with ledger.transaction() as connection:
        rows = connection.execute(query.order_by(destination.name, score.name)).all()
    return [Score(*row[:3], instant(row.at_us)) for row in rows]
