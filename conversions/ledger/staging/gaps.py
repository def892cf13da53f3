"""Runs that the store does not know of, because a copy of before them was put back: what they sent may not count twice.

An order that was ready to be sent before the copy was put back may have been sent by one of them. Its id on the wire is
the same again, so a platform that still compares it with what it got counts it once; where it does not any more, the
order is unknown, and a person decides.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, func, select, text, update

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.staging.evaluate import Evaluation
from conversions.ledger.store import Ledger

_SET_ASIDE = text("""
    UPDATE delivery SET state = 'unknown', attempted = 1, first_attempt_us = max(:since_us, ready_at * 1000000)
    WHERE run = :run AND destination = :destination AND state = 'pending'
    AND ready_at * 1000000 < :until_us AND max(:since_us, ready_at * 1000000) + :resend_us <= :now_us
""")


def mark_gap(connection: Connection, since_us: int, until_us: int) -> None:
    """Nothing is known of runs between these instants; an earlier such gap becomes one with it."""
    since = func.coalesce(tables.head.c.lost_from_us, since_us)
    connection.execute(update(tables.head).values(lost_from_us=since, lost_until_us=until_us))


def orders_in_gap(ledger: Ledger, resend_us: Sequence[int]) -> Callable[[Evaluation], bool]:
    """What ``set_aside`` would do, for a plan; *resend_us* in the order of the settings' destinations."""
    with ledger.transaction() as connection:
        head = connection.execute(select(tables.head.c.lost_from_us, tables.head.c.lost_until_us)).one_or_none()
    if head is None or head.lost_until_us is None:
        return lambda _: False
    since_us, until_us, now_us = int(head.lost_from_us), int(head.lost_until_us), ledger.now_us

    def doubtful(one: Evaluation) -> bool:
        ready_us = (one.incoming.ready_at or 0) * 1_000_000
        return ready_us < until_us and max(since_us, ready_us) + resend_us[one.row.position] <= now_us

    return doubtful


def set_aside(ledger: Ledger, run: Run, resend_us: Mapping[int, int]) -> int:
    """Of what *run* has staged, let nothing wait that may have been sent and would count twice; how many orders.

    *resend_us* has by destination how long after a first attempt a platform counts an order once.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        head = connection.execute(select(tables.head.c.lost_from_us, tables.head.c.lost_until_us)).one()
        if head.lost_until_us is None:
            return 0
        gap = {"since_us": head.lost_from_us, "until_us": head.lost_until_us, "now_us": ledger.now_us, "run": run.id}
        places = [{"destination": number, "resend_us": span} for number, span in resend_us.items()]
        return sum(connection.execute(_SET_ASIDE, gap | place).rowcount for place in places)
