"""Count the orders of each day, and find days with too few: a file that is missing or incomplete."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import Connection, func, select, text

from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger
from conversions.model.conversion import Window
from conversions.model.finding import Finding, attention
from conversions.statistics.volume_gaps import Gap, gaps

CODE = "few_orders"
MONTH, YEAR = timedelta(28), timedelta(364)
"""A gap is reported for a month after it ended; a year of history is compared."""
SPANS = (("a day", 1), ("a week", 7), ("in four weeks", 28))

_ORDERS_BY_DAY = text("SELECT coalesce(window_day, day), count(*) FROM order_row GROUP BY 1")
_STORED_DAYS = text("SELECT day, orders FROM day_read WHERE day >= :since AND day < :before")
_REMEMBER = text("""
    INSERT INTO day_read(day, orders, run) VALUES (:day, :orders, :run) ON CONFLICT (day) DO UPDATE
    SET orders = CASE WHEN day_read.orders > excluded.orders THEN day_read.orders ELSE excluded.orders END,
    run = excluded.run
""")


def findings(ledger: Ledger, window: Window, today: date, closed: Collection[date] = ()) -> list[Finding]:
    """Return one finding per gap with too few orders, in this run and the days before it.

    It only reads, before ``remember``. *today* is a day in the shop's zone and is not checked itself. No orders are
    expected on *closed* days.
    """
    with ledger.transaction() as connection:
        volume_gaps = _gaps(connection, today, closed, _read(connection, window, today))
    return [_finding(gap) for gap in volume_gaps if gap.until >= min(window.since, today - MONTH)]


def known_gaps(ledger: Ledger, today: date, closed: Collection[date] = ()) -> list[Finding]:
    """Return the findings of the last month from stored counts, without the snapshot of a run."""
    with ledger.transaction() as connection:
        volume_gaps = _gaps(connection, today, closed, {})
    return [_finding(gap) for gap in volume_gaps if gap.until >= today - MONTH]


def save_volumes(ledger: Ledger, run: Run, window: Window, today: date) -> None:
    """Store the number of orders of each day of the window, the highest of all runs.

    A rolling export, or one with changed orders only, has fewer orders of earlier days: then none are missing.
    """
    with ledger.transaction() as connection:
        read = _read(connection, window, today)
        if read:
            days = tables.day_read.c.day.in_([day.isoformat() for day in read])
            known = connection.execute(select(tables.day_read.c.day).where(days)).scalars().all()
            with bound.changed(connection, "day_read", days):
                rows = [{"day": day.isoformat(), "orders": orders, "run": run.id} for day, orders in read.items()]
                connection.execute(_REMEMBER, rows)
            bound.bind(connection, "day_read", days, tables.day_read.c.day.not_in(known))
            log.append(connection, "days read", ledger.now_us, {"run": run.id, "days": len(read)}, epoch=run.epoch)


def any_orders(ledger: Ledger) -> bool:
    """True if any run has read an order."""
    day = tables.day_read.c
    with ledger.transaction() as connection:
        return connection.execute(select(day.day).where(day.orders > 0).limit(1)).first() is not None


def never_read(ledger: Ledger, names: Sequence[str], today: date) -> list[date]:
    """Return the days since the start that no run has read, for these destinations; yesterday is left out."""
    destination = tables.destination.c
    with ledger.transaction() as connection:
        until = connection.execute(select(func.min(destination.read_until)).where(destination.name.in_(names))).scalar()
        if until is None:
            return []
        later = select(tables.day_read.c.day).where(tables.day_read.c.day > until)
        read = {date.fromisoformat(day) for day in connection.execute(later).scalars()}
    first = date.fromisoformat(until) + timedelta(1)
    days = (first + timedelta(n) for n in range((today - timedelta(1) - first).days))
    return [day for day in days if day not in read]


def _read(connection: Connection, window: Window, today: date) -> dict[date, int]:
    """Count the orders by day of the window, days without orders too."""
    counted = {date.fromisoformat(day): int(orders) for day, orders in connection.execute(_ORDERS_BY_DAY)}
    until = min(window.until, today - timedelta(1))
    days = (window.since + timedelta(n) for n in range((until - window.since).days + 1))
    return {day: counted.get(day, 0) for day in days}


def _gaps(connection: Connection, today: date, closed: Collection[date], read: Mapping[date, int]) -> list[Gap]:
    """Find the gaps of one year, or further back if this run read older days."""
    since = min([today - YEAR, *read])
    rows = connection.execute(_STORED_DAYS, {"since": since.isoformat(), "before": today.isoformat()})
    before = {date.fromisoformat(day): orders for day, orders in rows}
    return gaps(before | {day: max(orders, before.get(day, 0)) for day, orders in read.items()}, closed)


def _finding(gap: Gap) -> Finding:
    """Return the finding of a gap: it is reported once, even if the gap grows."""
    days = str(gap.since) if gap.since == gap.until else f"{gap.since} to {gap.until}"
    few = f"Only {gap.orders} orders" if gap.orders > 1 else "Only 1 order" if gap.orders else "No orders"
    sentence = (
        f"{few} for {days}; usually about {_rate(gap.usual)}. Is a file missing? The orders that were read are "
        f"sent; once the file is there, `conversions run --since {gap.since} --until {gap.until}`. If the shop was "
        f'closed, add to the settings: closed = ["{gap.since}..{gap.until}"].'
    )
    return attention(CODE, sentence, count=1, about=gap.since.isoformat(), once=True)


def _rate(usual: float) -> str:
    """Return the rate for the shortest span with at least two orders."""
    return next(f"{usual * days:.0f} {span}" for span, days in SPANS if usual * days >= 2 or days == MONTH.days)
