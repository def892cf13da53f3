"""Find known sales under new order numbers: each of them would count a second time.

Two orders are the same sale if buyer, purchase time and value agree, and the known number is missing in this run; or if
the new number is the known one in another notation (``1001.0``, ``#1001``, ``001001``). Spreadsheets and data frames
write numbers so (pandas#20717, csvbase#11; trial of 2026-11-30).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import func, insert, select, text, update

from conversions.ledger import log
from conversions.ledger.runs import operator
from conversions.ledger.schema import tables
from conversions.ledger.schema.sql import deliveries_of
from conversions.ledger.standing.readings import is_read, runs_since, select_spans
from conversions.ledger.store import Ledger
from conversions.model.conversion import Window

MIN_SHARE_OF_ORDERS = 0.02
"""Share of the known orders in this run: fewer are single orders entered again. One is enough up to fifty orders."""
MIN_PAIRS_BY_DAY = 3
"""So many pairs of the same buyer, day and value, but not the same time, mean that the time format changed, too."""
_NUMERIC = re.compile(r"#?\s*0*([0-9]+(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,3})?)")
_MAX_DIGITS = 40
"""A longer number is not normalized."""
_HAS_NEW = text("SELECT EXISTS (SELECT 1 FROM order_row s WHERE s.id NOT IN (SELECT id FROM known_row))")
_CREATE_CANDIDATE = text(f"""
    CREATE TEMP TABLE candidate AS SELECT a.id AS sale, a.order_no, a.purchased_us, r.day, a.subject,
        r.minor, r.currency, r.exponent,
        CASE WHEN EXISTS (SELECT 1 FROM order_row s WHERE s.order_no = a.order_no)
        OR EXISTS (SELECT 1 FROM bad_row b WHERE b.order_no = a.order_no) THEN 0 ELSE 1 END AS absent
    FROM (
        SELECT x.sale, x.day, x.stated_minor AS minor, x.stated_currency AS currency, x.stated_exponent AS exponent,
            row_number() OVER (PARTITION BY x.sale ORDER BY x.id) AS place
        FROM sale_span r CROSS JOIN sale b CROSS JOIN delivery x
        WHERE b.id BETWEEN r.first AND r.last AND b.shop = :shop AND b.subject IN (
            SELECT s.subject FROM order_row s WHERE s.id NOT IN (SELECT id FROM known_row)
        ) AND x.id {deliveries_of("b.id")}
    ) r JOIN sale a ON a.id = r.sale WHERE r.place = 1
""")
"""The sales of buyers of new orders that a run over these days has read; one with a bad row is not absent."""
_COUNT_PRESENT = text(f"""
    SELECT count(*) FROM (
        SELECT sale FROM known_row
        UNION SELECT a.id FROM bad_row b JOIN sale a ON a.shop = :shop AND a.order_no = b.order_no
    ) n WHERE {is_read("n.sale")}
""")
_PAIRS = text("""
    SELECT s.id, k.sale, k.order_no, s.order_no, k.absent,
        CASE WHEN k.purchased_us IS NULL OR k.purchased_us = s.purchased_us THEN 1 ELSE 0 END
    FROM order_row s JOIN candidate k
    ON k.subject = s.subject AND k.minor = s.minor AND k.currency = s.currency AND k.exponent = s.exponent
    AND k.day = s.day
    WHERE s.id NOT IN (SELECT id FROM known_row)
    ORDER BY s.id, 6 DESC, k.absent DESC, k.sale
""")


class NumberPair(NamedTuple):
    """One sale with two order numbers."""

    sale: int
    """The key in the ledger."""
    known: str
    new: str
    absent: bool
    """True if this run did not read the known number."""
    exact: bool = True
    """True if the time of purchase is the same, and not only the day."""

    @property
    def same(self) -> bool:
        """True if it is surely one sale: the same time of purchase, or the same number in another notation."""
        return (self.absent and self.exact) or normalize(self.known) == normalize(self.new)


@dataclass(frozen=True, slots=True)
class OrderNumberDrift:
    """Known sales have other order numbers in this run."""

    pairs: int
    orders: int
    """Known orders that were read under their own numbers."""
    example: NumberPair
    """The first pair."""


class OrderNumberComparison:
    """The snapshot of one run compared with the store, before staging. Takes no lock and writes nothing."""

    def __init__(self, ledger: Ledger, shop: str, window: Window) -> None:
        self._ledger, self._shop = ledger, shop
        with ledger.temporary() as connection:
            connection.execute(text("DROP TABLE IF EXISTS candidate"))
            select_spans(connection, runs_since(connection, window.since))
            self._has_new = bool(connection.execute(_HAS_NEW).scalar())
            if self._has_new:
                connection.execute(_CREATE_CANDIDATE, {"shop": shop})
                connection.execute(text("CREATE INDEX candidate_subject ON candidate(subject)"))

    def pairs(self) -> Iterator[NumberPair]:
        """Yield one pair per new number of a known sale: the known one is absent, or only written otherwise."""
        if not self._has_new:
            return
        with self._ledger.temporary() as connection:
            rows = connection.execute(_PAIRS)
            for _, candidates in groupby(rows, itemgetter(0)):
                pairs = (NumberPair(*row[1:]) for row in candidates)
                yield from islice((pair for pair in pairs if pair.same or pair.absent), 1)

    def drift(self) -> OrderNumberDrift | None:
        """Return the drift where so many sales have new numbers that the number format has changed, else None."""
        same, by_day, example = 0, 0, None
        for pair in self.pairs():
            same, by_day, example = same + pair.same, by_day + (not pair.same), example or pair
        pairs = same + (by_day if by_day >= MIN_PAIRS_BY_DAY else 0)
        if example is None or not pairs:
            return None
        orders = self._present()
        return OrderNumberDrift(pairs, orders, example) if pairs >= MIN_SHARE_OF_ORDERS * (orders + pairs) else None

    def _present(self) -> int:
        """Count the known orders that this run read under their own numbers."""
        with self._ledger.temporary() as connection:
            return int(connection.execute(_COUNT_PRESENT, {"shop": self._shop}).scalar_one())


def normalize(number: str) -> str:
    """Return *number* without what spreadsheets add: ``#``, leading zeros, ``.0``, an exponent.

    Other notations such as ``2025-0001`` are returned unchanged.
    """
    match = _NUMERIC.fullmatch(number.strip())
    if match is None:
        return number
    value = Decimal(match[1])
    whole = value == value.to_integral_value() and value.adjusted() < _MAX_DIGITS
    return f"{value:.0f}" if whole else number


def rename(ledger: Ledger, shop: str, pairs: Iterable[NumberPair], reason: str) -> int:
    """Store the new numbers of known sales, and keep the former ones; return the count.

    The caller holds the run lock; *reason* is the operator's.
    """
    sale, now = tables.sale.c, ledger.now_us
    pairs = list({pair.sale: pair for pair in pairs}.values())
    if not pairs:
        return 0
    with ledger.transaction() as connection:
        last_run = connection.execute(select(func.max(tables.run.c.id))).scalar()
        for pair in pairs:
            former = {"shop": shop, "order_no": pair.known if pair.absent else pair.new}
            times = {"since_us": now, "last_run": last_run if pair.absent else None}
            connection.execute(insert(tables.former_number).values(**former, sale=pair.sale, **times))
            if pair.absent:
                connection.execute(update(tables.sale).where(sale.id == pair.sale).values(order_no=pair.new))
        facts = {"orders": len(pairs), "operator": operator(), "reason": reason}
        log.append(connection, "numbers adopted", now, facts, epoch=ledger.epoch)
    return len(pairs)
