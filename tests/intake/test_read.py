"""Reading a whole window: each row counts once, ambiguous amounts are decided at its end, the days of the source."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import text

from conversions.intake.order import Order, RowRejected
from conversions.intake.pseudonymize import Pseudonymizer
from conversions.intake.read import Target, read
from conversions.intake.sources.unparsed import UnparsedValues
from conversions.ledger import store
from conversions.ledger.staging.snapshot import BadRow, open_snapshot
from conversions.model.conversion import Consent, Reason, Window
from conversions.model.read_counts import ReadCounts
from tests.intake.sources.shop import MAPPED, columns
from tests.ledger.builders import Clock, resolved

DAY = date(2026, 11, 20)
WINDOW = Window(DAY, DAY)
KNOWN = {"7"}
"""Numbers of the store."""
OLD, NEW = date(2025, 1, 1), date(2027, 1, 1)


def order(number: int, *, day: date = DAY, in_doubt: str = "", settles: str = "") -> Order:
    doubts = [
        RowRejected(f"row {number}", Reason.AMBIGUOUS_AMOUNT, str(number), each, b"x") for each in in_doubt.split()
    ]
    return Order(
        number=str(number),
        email=f"ida.{number}@example.org",
        amount=Decimal("1.200"),
        refunded=Decimal(0),
        currency="DKK",
        product_ids=("CD-1",),
        purchased_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
        purchase_day=day,
        window_day=day,
        completed=True,
        consent=Consent.NOT_RECORDED,
        ad_personalization=Consent.NOT_RECORDED,
        rank=(0, number),
        ambiguous=tuple(doubts),
        decimal_columns=tuple(settles.split()),
    )


class Rows:
    """A source of these rows, two at once."""

    description = "rows"

    def __init__(self, *rows: Order | RowRejected) -> None:
        self._rows = rows
        self.unparsed = UnparsedValues(columns(MAPPED))

    def check(self) -> None:
        raise AssertionError

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        for at in range(0, len(self._rows), 2):
            yield list(self._rows[at : at + 2])

    def skipped_files(self) -> list[str]:
        return []

    def refused_files(self) -> list[str]:
        return []


def reading(*rows: Order | RowRejected) -> tuple[ReadCounts, list[BadRow], set[str]]:
    """The counts, the rejected rows, and the numbers of the orders that are left."""
    with store.empty(Clock()) as ledger:
        snapshot = open_snapshot(ledger, [])
        pseudonymize = partial(map, Pseudonymizer([], b"k" * 32, b"p" * 32, datetime(2026, 11, 22, tzinfo=UTC)))
        target = Target(
            snapshot,
            pseudonymize,
            lambda columns: resolved(snapshot, settled=columns),
            lambda numbers: KNOWN & {*numbers},
        )
        counts = read(Rows(*rows), WINDOW, target, lambda _: None)
        with ledger.transaction() as connection:
            bad = connection.execute(text("SELECT place, reason, order_no, field, content FROM bad_row ORDER BY id"))
            rejected = [BadRow(*row) for row in bad]
            left = {row.order_no for row in connection.execute(text("SELECT order_no FROM order_row"))}
    return counts, rejected, left


OUTSIDE = order(90, day=OLD)
BAD = RowRejected("row 91", Reason.BAD_DATE, None, "purchased_at")


def test_of_all_rows_exactly_those_in_doubt_are_set_aside() -> None:
    rows: list[Order | RowRejected] = [
        OUTSIDE,
        BAD,
        order(1),
        order(2, in_doubt="amount"),
        OUTSIDE,
        order(3),
        order(4, in_doubt="amount refunded"),
    ]
    counts, rejected, left = reading(*rows, order(5))

    assert set(left) == {"1", "3", "5"}
    assert [(row.place, row.order_no, row.field, row.content) for row in rejected[1:]] == [
        ("row 2", "2", "amount", b"x"),
        ("row 4", "4", "amount", b"x"),
    ]
    assert counts.quarantined == {Reason.AMBIGUOUS_AMOUNT: 2, Reason.BAD_DATE: 1}
    assert (counts.rows, counts.orders, counts.repeated, counts.outside_window) == (8, 3, 0, 2)
    assert rejected[1] == BadRow("row 2", Reason.AMBIGUOUS_AMOUNT, "2", "amount", b"x")


@pytest.mark.parametrize("behind", [True, False])
def test_what_is_settled_anywhere_in_the_window_is_no_doubt(behind: bool) -> None:
    rows = [order(1, in_doubt="amount"), order(2, in_doubt="amount refunded"), order(3), order(4)]
    settling = order(9, settles="amount")
    shown = [*rows, settling] if behind else [settling, *rows]
    counts, rejected, left = reading(*shown)

    assert set(left) == {"1", "3", "4", "9"}
    assert [(row.order_no, row.field) for row in rejected] == [("2", "refunded")]
    assert counts.orders == 4


def test_nothing_outside_the_window_settles_anything_or_is_set_aside() -> None:
    counts, rejected, left = reading(
        order(1, in_doubt="amount"), order(2, day=OLD, settles="amount"), order(3, day=OLD, in_doubt="amount")
    )

    assert (set(left), [row.order_no for row in rejected], counts.outside_window) == (set(), ["1"], 2)


def test_the_span_is_of_all_orders_that_were_read() -> None:
    assert reading(order(1), order(2, day=NEW), order(3), BAD, order(4, day=OLD))[0].span == (OLD, NEW)
    assert reading(order(1))[0].span == (DAY, DAY)
    assert reading(BAD)[0].span is None
    assert reading()[0].span is None


def test_a_known_order_of_another_day_is_read_and_another_one_is_not() -> None:
    counts, _, left = reading(order(1), order(7, day=OLD), order(8, day=OLD))

    assert (counts.rows, counts.orders, counts.outside_window) == (3, 2, 1)
    assert left == {"1", "7"}
