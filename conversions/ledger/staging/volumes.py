"""How many orders each day of the window had, and where they are too few: a file that never came, or came in half."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import Connection, func, select, text

from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger
from conversions.model.conversion import Window
from conversions.model.finding import Finding, attention
from conversions.statistics.volume_gaps import Gap, gaps

CODE = "few_orders"
MONTH, YEAR = timedelta(28), timedelta(364)
"""So long a gap is told of after it is over; so much history is judged."""
SPANS = (("a day", 1), ("a week", 7), ("in four weeks", 28))

_COUNTED = text("SELECT coalesce(window_day, day), count(*) FROM temp.order_row GROUP BY 1")
_KNOWN = text("SELECT day, orders FROM day_read WHERE day >= :since AND day < :before")
_REMEMBER = """
    INSERT INTO day_read(day, orders, run) VALUES (?, ?, ?)
    ON CONFLICT (day) DO UPDATE SET orders = max(orders, excluded.orders), run = excluded.run
"""


def findings(ledger: Ledger, window: Window, today: date, closed: Collection[date] = ()) -> list[Finding]:
    """Where this reading, and what is known of the days before it, has too few orders; each gap is one finding.

    Reads only, and before ``remember``. *today* is the shop's: a day that has not ended is not judged. On *closed* days
    no orders are expected.
    """
    with ledger.transaction() as connection:
        found = _gaps(connection, today, closed, _read(connection, window, today))
    return [_finding(gap) for gap in found if gap.until >= min(window.since, today - MONTH)]


def known(ledger: Ledger, today: date, closed: Collection[date] = ()) -> list[Finding]:
    """The same by what was read until now, of the last month."""
    with ledger.transaction() as connection:
        found = _gaps(connection, today, closed, {})
    return [_finding(gap) for gap in found if gap.until >= today - MONTH]


def remember(ledger: Ledger, run: int, window: Window, today: date) -> None:
    """Keep how many orders each day of the window has now, or had before.

    An export that rolls on, or holds what has changed, shows less of the days behind it: nothing is missing then.
    """
    with ledger.transaction() as connection:
        read = _read(connection, window, today)
        if read:
            connection.exec_driver_sql(_REMEMBER, [(day.isoformat(), n, run) for day, n in read.items()])


def any_orders(ledger: Ledger) -> bool:
    """Whether a run has read an order, ever."""
    day = tables.day_read.c
    with ledger.transaction() as connection:
        return connection.execute(select(day.day).where(day.orders > 0).limit(1)).first() is not None


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
    """Different orders by day of the window, empty days too."""
    counted = {date.fromisoformat(day): int(orders) for day, orders in connection.execute(_COUNTED)}
    until = min(window.until, today - timedelta(1))
    days = (window.since + timedelta(n) for n in range((until - window.since).days + 1))
    return {day: counted.get(day, 0) for day in days}


def _gaps(connection: Connection, today: date, closed: Collection[date], read: Mapping[date, int]) -> list[Gap]:
    """Of a year, or as far back as was read now."""
    since = min([today - YEAR, *read])
    rows = connection.execute(_KNOWN, {"since": since.isoformat(), "before": today.isoformat()})
    before = {date.fromisoformat(day): orders for day, orders in rows}
    return gaps(before | {day: max(orders, before.get(day, 0)) for day, orders in read.items()}, closed)


def _finding(gap: Gap) -> Finding:
    """One finding for as long as it goes on: told once, and not again because it has grown."""
    days = str(gap.since) if gap.since == gap.until else f"{gap.since} to {gap.until}"
    few = f"Only {gap.orders} orders" if gap.orders > 1 else "Only 1 order" if gap.orders else "No orders"
    sentence = (
        f"{few} for {days}; usually about {_rate(gap.usual)}. Is a file missing? What is there is sent; when the rest "
        f"is in place, `conversions run --since {gap.since} --until {gap.until}`. If the shop was shut, the settings "
        f'should say so: closed = ["{gap.since}..{gap.until}"].'
    )
    return attention(CODE, sentence, count=1, about=gap.since.isoformat(), once=True)


def _rate(usual: float) -> str:
    """In the shortest span that has a few."""
    return next(f"{usual * days:.0f} {span}" for span, days in SPANS if usual * days >= 2 or days == MONTH.days)
