"""Which sales each run read: kept as spans of keys, since orders that were read together have keys that rise together.

I7 counts what became of these sales, and retention keeps a sale that was read lately.
"""

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    column,
    exists,
    insert,
    literal_column,
    select,
    table,
    text,
)

from conversions.ledger.batches import varints
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, Int

Span = tuple[int, int]
"""First and last key."""
FASTEST = 1
_OF_RUNS = (
    select(tables.reading.c.sales)
    .where(tables.reading.c.run.in_(bindparam("runs", expanding=True)))
    .order_by(tables.reading.c.run, tables.reading.c.page)
)
_NEWEST_FIRST = select(tables.reading.c.run, tables.reading.c.sales).order_by(
    tables.reading.c.run.desc(), tables.reading.c.page
)
_OF_DESTINATIONS = (
    select(tables.reading.c.run, tables.reading.c.destinations, tables.reading.c.sales)
    .where(tables.reading.c.run < bindparam("before"))
    .order_by(tables.reading.c.run.desc(), tables.reading.c.page)
)
_TABLE = text("CREATE TEMP TABLE IF NOT EXISTS sale_span(first BIGINT PRIMARY KEY, last BIGINT NOT NULL)")
_EMPTY = text("DELETE FROM sale_span")
_ADD = text("INSERT INTO sale_span(first, last) VALUES (:first, :last)")


def remember(connection: Connection, run: int, page: int, destinations: Iterable[int], sales: Iterable[int]) -> None:
    """Record that *run* read *sales* for *destinations*, in the caller's transaction."""
    bits = sum(1 << destination for destination in destinations)
    row = {"run": run, "page": page, "destinations": bits, "sales": pack(spans_of(sorted(sales)))}
    connection.execute(insert(tables.reading).values(**row))


def spans(connection: Connection, runs: Collection[int]) -> list[Span]:
    """Return the sales that any of *runs* read, as spans that rise and do not touch."""
    read = [span for packed in connection.execute(_OF_RUNS, {"runs": [*runs]}).scalars() for span in unpack(packed)]
    return _merged(sorted(read))


def runs_since(connection: Connection, day: date) -> Sequence[int]:
    """Return the runs whose window reaches *day* or a later one."""
    r = tables.run.c
    return connection.execute(select(r.id).where(r.until >= day.isoformat())).scalars().all()


def last_run(connection: Connection, sale: int) -> int | None:
    """Return the last run that read *sale*."""
    for row in connection.execute(_NEWEST_FIRST):
        if any(first <= sale <= last for first, last in unpack(row.sales)):
            return int(row.run)
    return None


def last_runs(connection: Connection, before: Mapping[int, int]) -> dict[int, int]:
    """Return for the keys of deliveries the last run that read each of them before the run that *before* has for it."""
    found, ascending = dict[int, int](), sorted(before)
    for row in connection.execute(_OF_DESTINATIONS, {"before": max(before.values(), default=0)}):
        if len(found) == len(before):
            break
        for first, last in unpack(row.sales):
            low, high = (bisect_left(ascending, sale << DESTINATION_BITS) for sale in (first, last + 1))
            for delivery in ascending[low:high]:
                if row.run < before[delivery] and row.destinations >> delivery % MAX_DESTINATIONS & 1:
                    found.setdefault(delivery, row.run)
    return found


def in_spans(delivery: str) -> str:
    """SQL: the key *delivery*, an expression, is of a sale in the span ``r`` of ``sale_span``."""
    return f"{delivery} BETWEEN r.first << {DESTINATION_BITS} AND r.last << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}"


def is_read(sale: str) -> str:
    """SQL: the sale *sale*, an expression, is in a span of ``sale_span``; one seek finds out."""
    return f"(SELECT r.last FROM sale_span r WHERE r.first <= {sale} ORDER BY r.first DESC LIMIT 1) >= {sale}"


def in_any_span(delivery: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the key *delivery* is of a sale in any span of ``sale_span``."""
    span = table("sale_span", column("first", Int), column("last", Int)).c
    low = span.first.op("<<")(literal_column(str(DESTINATION_BITS)))
    high = (span.last + 1).op("<<")(literal_column(str(DESTINATION_BITS)))
    return exists().where(delivery >= low, delivery < high)


def select_spans(connection: Connection, runs: Collection[int]) -> None:
    """Write the sales that any of *runs* read to the temporary table ``sale_span``."""
    connection.execute(_TABLE)
    connection.execute(_EMPTY)
    rows = [{"first": first, "last": last} for first, last in spans(connection, runs)]
    if rows:
        connection.execute(_ADD, rows)


def contains(ascending: Sequence[Span], sale: int) -> bool:
    """Whether *sale* is in one of the spans."""
    at = bisect_right(ascending, sale, key=lambda span: span[0])
    return at > 0 and sale <= ascending[at - 1][1]


def spans_of(sales: Iterable[int]) -> list[Span]:
    """Return *sales*, ascending, as spans."""
    return _merged((sale, sale) for sale in sales)


def pack(read: Iterable[Span]) -> bytes:
    """Return spans as bytes: the distance to each from the one before, and its length."""
    numbers, end = list[int](), 0
    for first, last in read:
        numbers += (first - end, last - first)
        end = last
    return zlib.compress(varints.pack(numbers), FASTEST)


def unpack(packed: bytes) -> Iterator[Span]:
    """Yield the spans that ``pack`` has packed."""
    numbers, end = varints.unpack(zlib.decompress(packed)), 0
    for distance, length in zip(numbers[::2], numbers[1::2], strict=True):
        first = end + distance
        end = first + length
        yield first, end


def _merged(ascending: Iterable[Span]) -> list[Span]:
    merged = list[Span]()
    for first, last in ascending:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged
