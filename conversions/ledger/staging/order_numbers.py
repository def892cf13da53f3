"""The same sales under other order numbers: every one of them would count a second time.

A sale is known again by its buyer, the moment of purchase and its value. Where such a one is gone from the reading and
a new number stands for it, or where a new number is an old one written otherwise (``1001.0``, ``#1001``, ``001001``),
it is the same sale. Spreadsheets and data frames write numbers so (pandas#20717, csvbase#11; trial of 2026-11-30).
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import insert, update

from conversions.ledger import log
from conversions.ledger.runs import operator
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.store import Ledger, translate_errors
from conversions.model.conversion import Window

SMALL = 0.02
"""Of the known orders that are read: fewer are single orders that were entered anew. One is enough up to fifty."""
SEVERAL = 3
"""So many known numbers are gone, with a new one of the same buyer, day and value for each: the time is written
otherwise, too."""
_NUMERIC = re.compile(r"#?\s*0*([0-9]+(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,3})?)")
_LONGEST = 40
"""Digits of a number that is worth unfolding."""
_KNOWN = f"""
    CREATE TEMP TABLE known AS
    SELECT a.id AS sale, a.order_no, a.purchased_us, x.day, max(coalesce(e.subject, x.subject)) AS subject,
        x.stated_minor AS minor, x.stated_currency AS currency, x.stated_exponent AS exponent,
        NOT EXISTS (SELECT 1 FROM temp.order_row s WHERE s.order_no = a.order_no)
        AND NOT EXISTS (SELECT 1 FROM temp.bad_row b WHERE b.order_no = a.order_no) AS absent
    FROM delivery x JOIN sale a ON a.id = x.sale AND a.shop = :shop
    LEFT JOIN event e ON e.id = x.id << {REVISION_BITS} | x.revision
    WHERE x.run IN (SELECT id FROM run WHERE until >= :since) GROUP BY a.id
"""
"""One line for each order that a run over these days has read; one whose row is spoilt or set aside is there."""
_COUNT = "SELECT count(*) FROM temp.known WHERE NOT absent"
_PAIRS = """
    SELECT s.id, k.sale, k.order_no, s.order_no, k.absent, k.purchased_us IS NULL OR k.purchased_us = s.purchased_us
    FROM temp.order_row s JOIN temp.known k
    ON k.subject = s.subject AND k.minor = s.minor AND k.currency = s.currency AND k.exponent = s.exponent
    AND k.day = s.day
    WHERE NOT EXISTS (SELECT 1 FROM sale a WHERE a.shop = :shop AND a.order_no = s.order_no)
    ORDER BY s.id, 6 DESC, k.absent DESC, k.sale
"""


class Pair(NamedTuple):
    """One sale under two numbers."""

    sale: int
    """The ledger's key."""
    known: str
    new: str
    absent: bool
    """Whether the known number is gone from this reading."""
    exact: bool = True
    """Whether the moment of purchase is the same, too, and not only the day."""

    @property
    def same(self) -> bool:
        """Whether it is one sale for sure: of the same moment, or under the same number written otherwise."""
        return (self.absent and self.exact) or unfolded(self.known) == unfolded(self.new)


@dataclass(frozen=True, slots=True)
class OrderNumberDrift:
    """Sales that the store knows stand under other numbers in this reading."""

    pairs: int
    orders: int
    """Known ones that are there under their own numbers."""
    example: Pair
    """The first of them."""


class OrderNumbers:
    """One reading, resolved and not yet staged, beside what the store holds. Takes no lock and writes nothing."""

    def __init__(self, ledger: Ledger, shop: str, window: Window) -> None:
        connection = ledger.connection.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        self._connection = connection
        self._asked = {"shop": shop, "since": window.since.isoformat(), "until": window.until.isoformat()}
        with translate_errors():
            connection.execute("DROP TABLE IF EXISTS temp.known")
            connection.execute(_KNOWN, self._asked)
            connection.execute("CREATE INDEX temp.known_subject ON known(subject)")

    def pairs(self) -> Iterator[Pair]:
        """One for each new number of a known sale: the known one is gone, or the new one is it, written otherwise."""
        with translate_errors():
            rows = self._connection.execute(_PAIRS, self._asked)
            for _, candidates in groupby(rows, itemgetter(0)):
                pairs = (Pair(*row[1:]) for row in candidates)
                yield from islice((one for one in pairs if one.same or one.absent), 1)

    def found(self) -> OrderNumberDrift | None:
        """Whether so many sales have other numbers now that the numbers' format is another one."""
        with translate_errors():
            orders = int(self._connection.execute(_COUNT, self._asked).fetchone()[0])
        same, alike, example = 0, 0, None
        for pair in self.pairs():
            same, alike, example = same + pair.same, alike + (not pair.same), example or pair
        pairs = same + (alike if alike >= SEVERAL else 0)
        return OrderNumberDrift(pairs, orders, example) if example and 0 < pairs >= SMALL * (orders + pairs) else None


def unfolded(number: str) -> str:
    """What *number* is without the marks that spreadsheets add: ``#``, zeros in front, ``.0``, an exponent.

    Series of years such as ``2025-0001`` are no numbers, and stay what they are.
    """
    found = _NUMERIC.fullmatch(number.strip())
    if found is None:
        return number
    value = Decimal(found[1])
    whole = value == value.to_integral_value() and value.adjusted() < _LONGEST
    return f"{value:.0f}" if whole else number


def rename(ledger: Ledger, shop: str, pairs: Iterable[Pair], reason: str) -> int:
    """Let known sales stand under their new numbers; the former ones are remembered. How many.

    The caller holds the run lock; a person says why.
    """
    sale, now = tables.sale.c, ledger.now_us
    pairs = list({pair.sale: pair for pair in pairs}.values())
    if not pairs:
        return 0
    with ledger.transaction() as connection:
        for pair in pairs:
            former = {"shop": shop, "order_no": pair.known if pair.absent else pair.new}
            connection.execute(insert(tables.former_number).values(**former, sale=pair.sale, since_us=now))
            if pair.absent:
                connection.execute(update(tables.sale).where(sale.id == pair.sale).values(order_no=pair.new))
        facts = {"orders": len(pairs), "operator": operator(), "reason": reason}
        log.append(connection, "numbers adopted", now, facts, epoch=ledger.epoch)
    return len(pairs)
