"""Orders of some days of which the history has only a number, or only a count: erased, or past retention."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, text

from conversions.ledger.queries.withheld_order import stood_against
from conversions.ledger.states import State
from conversions.ledger.store import microseconds
from conversions.model.conversion import Money

_ERASED = text(f"""
    SELECT n.name, count(*) AS orders, sum(1 - x.attempted) AS not_sent FROM exception x
    JOIN delivery d ON d.id = x.id JOIN destination n ON n.id = d.destination
    WHERE x.state = '{State.ERASED}' AND x.day BETWEEN :since AND :until GROUP BY n.name ORDER BY n.name
""")
_PAST_RETENTION = text("""
    SELECT n.name, h.state, h.reason, h.currency, h.exponent, h.orders, h.minor FROM history h
    JOIN destination n ON n.id = h.destination WHERE h.day BETWEEN :since AND :until ORDER BY h.id
""")
_BLANKED = text("SELECT count(*) FROM judgement WHERE delivery IS NULL AND at_us >= :at_us")


@dataclass(frozen=True, slots=True)
class ErasedCount:
    """Erased orders at one destination; nothing says any more whether they were withheld."""

    destination: str
    orders: int
    not_sent: int
    """Those without an attempt to send; part of ``orders``."""


@dataclass(frozen=True, slots=True)
class PastRetention:
    """Orders past retention at one destination that stood against sending when they were reduced to counts."""

    destination: str
    state: str
    reason: str | None
    currency: str
    orders: int
    amount: Decimal
    """In currency units."""


@dataclass(frozen=True, slots=True)
class BlankedOrders:
    """What is left of orders that are erased or past retention."""

    judgements: int
    """Blanked judgements since the first of the days: of these orders, or of orders of later days."""
    erased: tuple[ErasedCount, ...]
    past_retention: tuple[PastRetention, ...]


def blanked_orders(
    connection: Connection, since: date, until: date, midnight: datetime, name: str | None = None
) -> BlankedOrders:
    """Return what is left of orders bought from *since* to *until*; *midnight* (aware) is when the first day began.

    *name* is that of the only destination; a blanked judgement has none, so it counts for each.
    """
    days = {"since": since.isoformat(), "until": until.isoformat()}
    erased = [ErasedCount(*row) for row in connection.execute(_ERASED, days)]
    kept = [
        PastRetention(
            destination=row.name,
            state=row.state,
            reason=row.reason,
            currency=row.currency,
            orders=row.orders,
            amount=Money(row.minor, row.currency, row.exponent).amount,
        )
        for row in connection.execute(_PAST_RETENTION, days)
        if stood_against(row.state, row.reason)
    ]
    return BlankedOrders(
        int(connection.execute(_BLANKED, {"at_us": microseconds(midnight)}).scalar_one()),
        tuple(each for each in erased if name in {None, each.destination}),
        tuple(each for each in kept if name in {None, each.destination}),
    )
