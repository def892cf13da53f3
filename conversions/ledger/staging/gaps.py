"""Gaps in the history: runs that a restored store does not know. The orders that they sent may not count twice.

Such a run may have sent an order that was ready before the restore. The event has the same id again, so the platform
counts it once within its window; after that window the order becomes unknown, and a person decides.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, func, select, text, update

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.views import COLUMNS, standing
from conversions.ledger.staging.evaluate import DRAFTS, KEY, Evaluation
from conversions.ledger.staging.known_rows import CHANGED, KNOWN
from conversions.ledger.standing import make_exceptions
from conversions.ledger.store import Ledger

_FIRST_US = "CASE WHEN d.ready_at * 1000000 > :since_us THEN d.ready_at * 1000000 ELSE :since_us END"
_PERHAPS_SENT = text(f"""
    SELECT k.id AS delivery, {_FIRST_US} AS first_us {KNOWN} {DRAFTS} {standing(f"= {KEY}")}
    WHERE {CHANGED} AND p.destination = :destination AND {COLUMNS["run"]} = :run AND {COLUMNS["state"]} = 'pending'
    AND d.ready_at * 1000000 < :until_us AND {_FIRST_US} + :resend_us <= :now_us
""")
_SET_UNKNOWN = text("""
    UPDATE exception SET state = 'unknown', attempted = 1, first_attempt_us = :first_us WHERE id = :delivery
""")


def mark_gap(connection: Connection, since_us: int, until_us: int) -> None:
    """Mark the time between these instants as a gap; an earlier gap is merged with it."""
    since = func.coalesce(tables.head.c.lost_from_us, since_us)
    connection.execute(update(tables.head).values(lost_from_us=since, lost_until_us=until_us))


def orders_in_gap(ledger: Ledger, resend_us: Sequence[int]) -> Callable[[Evaluation], bool]:
    """Return what ``mark_unknown`` would do, for a plan; *resend_us* in the order of the settings' destinations."""
    with ledger.transaction() as connection:
        head = connection.execute(select(tables.head.c.lost_from_us, tables.head.c.lost_until_us)).one_or_none()
    if head is None or head.lost_until_us is None:
        return lambda _: False
    since_us, until_us, now_us = int(head.lost_from_us), int(head.lost_until_us), ledger.now_us

    def maybe_sent(order: Evaluation) -> bool:
        ready_us = (order.incoming.ready_at or 0) * 1_000_000
        return ready_us < until_us and max(since_us, ready_us) + resend_us[order.row.position] <= now_us

    return maybe_sent


def mark_unknown(ledger: Ledger, run: Run, resend_us: Mapping[int, int]) -> int:
    """Set orders of *run* to unknown that were perhaps sent and would count twice; return the count.

    *resend_us* gives by destination how long after its first attempt a platform counts an order once.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        head = connection.execute(select(tables.head.c.lost_from_us, tables.head.c.lost_until_us)).one()
        if head.lost_until_us is None:
            return 0
        gap = {"since_us": head.lost_from_us, "until_us": head.lost_until_us, "now_us": ledger.now_us, "run": run.id}
        return sum(
            _set_unknown(connection, gap | {"destination": destination, "resend_us": span})
            for destination, span in resend_us.items()
        )


def _set_unknown(connection: Connection, gap: Mapping[str, object]) -> int:
    orders = [row._asdict() for row in connection.execute(_PERHAPS_SENT, gap)]
    if orders:
        make_exceptions(connection, [order["delivery"] for order in orders])
        connection.execute(_SET_UNKNOWN, orders)
    return len(orders)
