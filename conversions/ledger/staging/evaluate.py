"""Evaluate the source snapshot against the ledger. It only reads: a plan is a run that stops here."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, text

from conversions.disclosure.schema import GRANTED
from conversions.ledger.batches.contents import bodies
from conversions.ledger.restatements.unconfirmed import newest
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, REVISION_BITS
from conversions.ledger.schema.views import COLUMNS, columns, standing
from conversions.ledger.staging.known_rows import CHANGED, KNOWN
from conversions.ledger.staging.transitions import Current, Incoming, Transition, next_transition
from conversions.ledger.states import FORBIDDEN, State, state_of
from conversions.ledger.store import Ledger
from conversions.ledger.subjects.suppressions import REASON_FOR, SuppressionKind
from conversions.model.conversion import Money, Reason

ROWS_PER_PAGE = 20_000
"""Snapshot rows in one page."""

DRAFTS = f"""
    CROSS JOIN place p JOIN draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM place) + p.position + 1
    LEFT JOIN objection o ON o.subject = s.subject AND o.removed_us IS NULL
    AND NOT EXISTS (SELECT 1 FROM objection w WHERE w.subject = o.subject AND w.removed_us IS NULL AND w.kind < o.kind)
    AND coalesce(d.reason, '') NOT IN ({", ".join(f"'{r}'" for r in sorted(FORBIDDEN - {Reason.UNUSABLE_EMAIL}))})
"""
"""Joins to an order row its draft for each destination, with the suppression of the buyer, unless the buyer's choice
forbids sending already."""

KEY = f"a.id << {DESTINATION_BITS} | p.destination"
"""The key of the order ``a`` at the destination ``p``."""
_EVALUATED = f"""
    SELECT s.order_no, s.rank_place, s.subject, s.day, s.minor, s.currency, s.exponent, p.position, o.kind AS objection,
    d.reason, d.quarantined, d.due_minor, d.fingerprint, d.ready_at, d.expires_at, d.event,
    a.subject AS buyer, a.minor AS minor_of_sale, a.currency AS currency_of_sale, a.exponent AS exponent_of_sale,
    k.id AS delivery_id, x.id IS NOT NULL AS has_exception, x.wire_id, x.accepted_minor,
    {columns("run", "state", "detail", "revision", "attempted", "settled_run", "first_attempt_us", "acknowledged_us")},
    {columns("value_minor", "value_currency", "value_exponent")}, x.reason AS stored_reason,
    {COLUMNS["stated_minor"]} AS stored_minor, {COLUMNS["ready_at"]} AS stored_ready_at,
    {COLUMNS["fingerprint"]} AS stored_fingerprint, CASE WHEN x.id IS NOT NULL THEN {newest("k.id")} END AS maybe,
    CASE WHEN ({COLUMNS["attempted"]}) <> 0
        AND ({COLUMNS["state"]}) IN ('pending', 'deferred', 'withheld', 'quarantined', 'rejected', 'expired')
    THEN (SELECT e.place FROM event e WHERE e.id = k.id << {REVISION_BITS} | {COLUMNS["revision"]}) END AS place
"""
_IN_ORDER = "s.id > :after AND s.id <= :upto ORDER BY s.id, p.position"
_EVERY_ORDER = text(f"""
    {_EVALUATED} FROM order_row s LEFT JOIN known_row n ON n.id = s.id LEFT JOIN sale a ON a.id = n.sale {DRAFTS}
    {standing(f"= {KEY}")} WHERE {_IN_ORDER}
""")
_ORDERS_THAT_MAY_CHANGE = text(f"""
    {_EVALUATED} {KNOWN} {DRAFTS} {standing(f"= {KEY}")} WHERE {CHANGED}
    AND k.id IS NOT NULL AND ({COLUMNS["run"]}) <> :run
    AND NOT (x.id IS NULL AND b.state = 'received' AND d.due_minor = s.minor AND a.minor = s.minor
        AND a.currency = s.currency AND a.exponent = s.exponent) AND {_IN_ORDER}
""")


class Evaluation(NamedTuple):
    """One order at one destination: the incoming values, the current ones, and the transition that follows."""

    row: Row[Any]
    stated: Money
    incoming: Incoming
    transition: Transition
    body: bytes | None = None
    """The bytes that were sent, of an order that may be sent anew."""

    @property
    def value_differs(self) -> bool:
        """True if the platform holds, or will hold after its answer, another value than is due."""
        return self.transition is Transition.CHANGED or (
            self.transition is Transition.HOLD and self.old != self.incoming.due
        )

    @property
    def ready_at(self) -> int | None:
        """Unix seconds; for an order that the platform deferred, not before the platform accepts it again."""
        deferred_by_platform = (
            self.row.delivery_id is not None
            and self.row.state == State.DEFERRED
            and (self.row.attempted or self.row.revision)
        )
        drafted = self.incoming.ready_at
        return max(drafted, self.row.stored_ready_at or 0) if deferred_by_platform and drafted is not None else drafted

    @property
    def old(self) -> Money | None:
        """The value of the open event, or of the last one sent."""
        return _value(self.row)


def evaluations(ledger: Ledger) -> Iterator[list[Evaluation]]:
    """Evaluate every order at every destination, page by page."""
    for after in pages(ledger):
        with ledger.transaction() as connection:
            page = evaluate_page(connection, after, run=0)
        yield page


def evaluate_page(connection: Connection, after: int, *, run: int) -> list[Evaluation]:
    """Evaluate one page: with 0 every order; with *run* those that it may change, of those that the ledger had."""
    page = {"after": after, "upto": after + ROWS_PER_PAGE, "run": run}
    rows = connection.execute(_ORDERS_THAT_MAY_CHANGE if run else _EVERY_ORDER, page).all()
    sent = bodies(connection, {row.place for row in rows if row.place is not None})
    return [_evaluation(row, sent.get(row.place)) for row in rows]


def pages(ledger: Ledger) -> range:
    """Return the row after which each page of the snapshot begins."""
    with ledger.transaction() as connection:
        last = connection.execute(text("SELECT coalesce(max(id), 0) FROM order_row")).scalar_one()
    return range(0, last, ROWS_PER_PAGE)


def destination_ids(ledger: Ledger, names: Iterable[str]) -> list[int]:
    """Return the destination ids in the ledger, 0 for a new destination."""
    with ledger.transaction() as connection:
        rows = connection.execute(select(tables.destination.c.name, tables.destination.c.id))
        by_name = {str(name): int(number) for name, number in rows}
    return [by_name.get(name, 0) for name in names]


def _evaluation(row: Row[Any], body: bytes | None) -> Evaluation:
    stated, due = Money(row.minor, row.currency, row.exponent), Money(row.due_minor, row.currency, row.exponent)
    if row.objection is not None:
        incoming = Incoming(
            REASON_FOR[SuppressionKind(row.objection)], quarantined=False, due=due, fingerprint=row.fingerprint
        )
    else:
        incoming = Incoming(
            Reason(row.reason) if row.reason else None,
            bool(row.quarantined),
            due,
            row.fingerprint,
            row.event,
            row.ready_at,
            row.expires_at,
        )
    if row.delivery_id is None:
        return Evaluation(row, stated, incoming, Transition.REPLACE)
    unconfirmed = row.state == State.QUARANTINED and row.first_attempt_us is not None
    current = Current(
        state_of(row.state),
        row.stored_reason,
        _value(row),
        row.stored_fingerprint,
        unconfirmed,
        other_value=row.maybe is not None,
        detail=row.detail,
        granted=body is not None and GRANTED in body,
        acknowledged=row.acknowledged_us is not None,
    )
    return Evaluation(row, stated, incoming, next_transition(current, incoming), body)


def _value(row: Row[Any]) -> Money | None:
    return None if row.value_minor is None else Money(row.value_minor, row.value_currency, row.value_exponent)
