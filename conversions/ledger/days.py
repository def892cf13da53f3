"""How many orders each day of the window had: a file that never came, or came in half, is a day that stands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from sqlalchemy import Connection, func, select, text

from conversions.conversion import Window
from conversions.ledger import tables
from conversions.ledger.store import Ledger

NEAR = MONTH = 28
"""Days are held against those so many days before and after."""
WEEK, FORTNIGHT = 7, 14
"""So many known days it takes to say that a day is empty, or that it has few orders."""
FEW = 0.4
"""Of the median: weekends and weather stay above it, half a file does not."""

_COUNTED = text("SELECT coalesce(window_day, day), count(*) FROM temp.sighting GROUP BY 1")
_KNOWN = text("""
    SELECT d.day, d.orders, r.waiting IS NOT NULL AS told FROM day_read d LEFT JOIN run r ON r.id = d.run
    WHERE d.day BETWEEN :since AND :until
""")
_HAD_ORDERS = text("SELECT day FROM day_read WHERE day BETWEEN :since AND :before AND orders > 0")
_REMEMBER = """
    INSERT INTO day_read(day, orders, run) VALUES (?, ?, ?)
    ON CONFLICT (day) DO UPDATE SET orders = excluded.orders, run = excluded.run
"""


@dataclass(frozen=True, slots=True)
class ThinDay:
    """A day with far fewer orders than its neighbours."""

    day: date
    orders: int
    usual: tuple[int, int]
    """From the lowest to the highest tenth of its neighbours."""


def thin(ledger: Ledger, window: Window, today: date) -> list[ThinDay]:
    """The days of this reading that stand out, and did not the last time that they were read and told of.

    Reads only, and before ``remember``. *today* is the shop's: a day that has not ended is not judged.
    """
    with ledger.transaction() as connection:
        read = _read(connection, window, today)
        near = timedelta(NEAR)
        around = {"since": (window.since - near).isoformat(), "until": (window.until + near).isoformat()}
        rows = connection.execute(_KNOWN, around).all()
    told = {date.fromisoformat(row.day): row.orders for row in rows if row.told}
    known = _from_first_to_last_order({date.fromisoformat(row.day): row.orders for row in rows} | read)
    return [
        one for one in _thin(read, known) if not (one.day in told and _few(told[one.day], _neighbours(known, one.day)))
    ]


def remember(ledger: Ledger, run: int, window: Window, today: date) -> None:
    """Keep how many orders each day of the window has now."""
    with ledger.transaction() as connection:
        read = _read(connection, window, today)
        if read:
            connection.exec_driver_sql(_REMEMBER, [(day.isoformat(), n, run) for day, n in read.items()])


def still_thin(ledger: Ledger, today: date) -> list[ThinDay]:
    """The days of the last month that had far fewer orders than their neighbours when they were read last."""
    newest = today - timedelta(MONTH)
    with ledger.transaction() as connection:
        rows = connection.execute(_KNOWN, {"since": (newest - timedelta(NEAR)).isoformat(), "until": today.isoformat()})
        read = {date.fromisoformat(row.day): row.orders for row in rows}
    return _thin({day: orders for day, orders in read.items() if day >= newest}, _from_first_to_last_order(read))


def never_read(ledger: Ledger, names: Sequence[str], today: date) -> list[date]:
    """Days since the start that no run has read, for any of these destinations; yesterday may still come tonight."""
    place = tables.destination.c
    with ledger.transaction() as connection:
        until = connection.execute(select(func.min(place.read_until)).where(place.name.in_(names))).scalar()
        if until is None:
            return []
        later = select(tables.day_read.c.day).where(tables.day_read.c.day > until)
        read = {date.fromisoformat(day) for day in connection.execute(later).scalars()}
    first = date.fromisoformat(until) + timedelta(1)
    days = (first + timedelta(n) for n in range((today - timedelta(1) - first).days))
    return [day for day in days if day not in read]


def _read(connection: Connection, window: Window, today: date) -> dict[date, int]:
    """Different orders by day of the window, empty days too.

    A run goes back further than a rolling export: days before its first order that had orders once say nothing new.
    """
    counted = {date.fromisoformat(day): int(orders) for day, orders in connection.execute(_COUNTED)}
    until = min(window.until, today - timedelta(1))
    days = (window.since + timedelta(n) for n in range((until - window.since).days + 1))
    left_out = _had_orders(connection, window.since, min(counted, default=window.since))
    return {day: counted.get(day, 0) for day in days if day not in left_out}


def _had_orders(connection: Connection, since: date, until: date) -> set[date]:
    """Days before *until* that had orders when they were read last."""
    place = {"since": since.isoformat(), "before": (until - timedelta(1)).isoformat()}
    return {date.fromisoformat(day) for day in connection.execute(_HAD_ORDERS, place).scalars()}


def _from_first_to_last_order(known: Mapping[date, int]) -> dict[date, int]:
    """Without the empty days at either end: before the shop began, or while files stay away, nothing is usual."""
    sold = [day for day, orders in known.items() if orders]
    return {day: orders for day, orders in known.items() if sold and min(sold) <= day <= max(sold)}


def _thin(days: Mapping[date, int], known: Mapping[date, int]) -> list[ThinDay]:
    began = min(known, default=date.max)
    beside = [(day, orders, _neighbours(known, day)) for day, orders in sorted(days.items()) if day >= began]
    return [ThinDay(day, orders, _usual(others)) for day, orders, others in beside if _few(orders, others)]


def _neighbours(known: Mapping[date, int], day: date) -> list[int]:
    near = (day + timedelta(n) for n in range(-NEAR, NEAR + 1) if n)
    return sorted(known[other] for other in near if other in known)


def _few(orders: int, others: Sequence[int]) -> bool:
    if len(others) < (FORTNIGHT if orders else WEEK):
        return False
    return orders < FEW * median(others) if orders else median(others) >= 1


def _usual(others: Sequence[int]) -> tuple[int, int]:
    tenth = len(others) // 10
    return others[tenth], others[-1 - tenth]
