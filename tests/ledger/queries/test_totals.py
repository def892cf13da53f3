"""Control totals: every order that a run read is in one bucket of each destination, in counts and in money."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from conversions.ledger.queries import totals
from conversions.ledger.queries.totals import BUCKETS, ControlTotals, ValueChange
from conversions.ledger.schema import tables, views
from conversions.ledger.staging import bad_rows
from conversions.ledger.staging.snapshot import BadRow
from conversions.ledger.states import State
from conversions.model.conversion import Money, Reason
from tests.ledger.builders import DESTINATIONS, FREE, PRICE, Night, against, draft, orders, sighting

DEARER = Money(9990, "DKK", 2)
DAY_US = 86_400_000_000


def balance(night: Night, destination: str = "meta") -> ControlTotals:
    pairs = list(zip(DESTINATIONS, night.numbers, strict=True))
    return totals.control_totals(night.ledger, night.run.id, pairs)[destination]


def force(night: Night, number: str, **values: Any) -> None:
    """Set columns of an order at Meta."""
    with night.ledger.transaction() as connection:
        sale = select(tables.sale.c.id).where(tables.sale.c.order_no == number).scalar_subquery()
        here = (views.delivery.c.sale == sale, views.delivery.c.destination == 2)
        connection.execute(update(views.delivery).where(*here).values(**values))


BUCKET_OF = {
    State.PENDING: "pending",
    State.IN_FLIGHT: "unknown",
    State.RECEIVED: "sent",
    State.RECORDED: "sent",
    State.UNMATCHED: "sent",
    State.DUPLICATE: "sent",
    State.REJECTED: "rejected",
    State.UNKNOWN: "unknown",
    State.DEFERRED: "deferred",
    State.EXPIRED: "expired",
    State.WITHHELD: "withheld",
    State.QUARANTINED: "quarantined",
    State.ERASED: "withheld",
}


@pytest.mark.parametrize("state", State)
def test_every_state_is_in_a_bucket(night: Night, state: State) -> None:
    night.stage(sighting("1"))
    force(night, "1", state=state, reason=Reason.DENIED, settled_run=night.run.id)

    assert {bucket: count for bucket, count in balance(night).counts.items() if count} == {BUCKET_OF[state]: 1}


def test_all_buckets_together_are_all_that_was_read_in_counts_and_in_money(night: Night) -> None:
    night.stage(*[sighting(str(i), stated=Money(i, "DKK", 2)) for i in range(len(State))])
    for i, state in enumerate(State):
        force(night, str(i), state=state, settled_run=night.run.id)

    found = balance(night)

    assert sum(found.counts[bucket] for bucket in BUCKETS) == len(State)
    assert sum(found.values["DKK"].values()) == Decimal(sum(range(len(State)))) / 100
    assert sum(found.days["2026-11-21"].values()) == len(State)


def test_losing_one_order_is_one_less(night: Night) -> None:
    night.stage(*orders(5))
    with night.ledger.transaction() as connection:
        connection.execute(delete(tables.event))
        one = select(func.min(views.delivery.c.id)).scalar_subquery()
        connection.execute(delete(views.delivery).where(views.delivery.c.id == one))

    assert sum(balance(night).counts.values()) + sum(balance(night, "google").counts.values()) == 9


def test_sent_is_this_run_and_already_sent_an_earlier_one(night: Night) -> None:
    night.stage(*orders(2))
    force(night, "A-0", state="received", settled_run=night.run.id)
    force(night, "A-1", state="received", settled_run=night.run.id - 1)

    assert (balance(night).counts["sent"], balance(night).counts["already_sent"]) == (1, 1)


def test_what_another_run_read_is_not_counted(night: Night) -> None:
    night.stage(*orders(3))
    night.begin()
    night.stage(*orders(1))

    assert sum(balance(night).counts.values()) == 1


def test_destinations_are_counted_apart(night: Night) -> None:
    night.stage(sighting("1", draft("1"), against(Reason.NO_CONSENT)))

    assert dict(balance(night, "google").counts) == {"pending": 1}
    assert dict(balance(night, "meta").counts) == {"withheld": 1}


def test_reasons_are_counted_where_something_was_held_back(night: Night) -> None:
    night.stage(
        sighting("1", against(Reason.DENIED)),
        sighting("2", against(Reason.DENIED)),
        sighting("3", against(Reason.NOT_COMPLETED, due=FREE)),
        sighting("4", against(Reason.NO_PRODUCT, quarantined=True)),
        sighting("5"),
    )

    assert balance(night).reasons == {
        "withheld": {Reason.DENIED: 2, Reason.NOT_COMPLETED: 1},
        "quarantined": {Reason.NO_PRODUCT: 1},
    }


def test_money_is_what_the_source_stated_by_currency_bucket_and_day(night: Night) -> None:
    night.stage(
        sighting("1", stated=Money(1050, "DKK", 2)),
        sighting("2", stated=Money(7, "JPY", 0), day="2026-11-20"),
        sighting("3", against(Reason.NOT_COMPLETED, due=FREE), stated=Money(123_456, "DKK", 3)),
    )

    found = balance(night)

    assert {currency: dict(by) for currency, by in found.values.items()} == {
        "DKK": {"pending": Decimal("10.50"), "withheld": Decimal("123.456")},
        "JPY": {"pending": Decimal(7)},
    }
    assert {day: dict(by) for day, by in found.days.items()} == {
        "2026-11-21": {"pending": 1, "withheld": 1},
        "2026-11-20": {"pending": 1},
    }


def test_sums_of_a_misread_column_do_not_overflow(night: Night) -> None:
    night.stage(*[sighting(str(i), stated=Money(10**18 - 1, "DKK", 2)) for i in range(20)])

    assert balance(night).values["DKK"]["pending"] == Decimal(20 * (10**18 - 1)) / 100


def test_negative_amounts_are_summed_like_others(night: Night) -> None:
    night.stage(*[sighting(str(i), stated=Money(-i - 1, "DKK", 2)) for i in range(3)])

    assert balance(night).values["DKK"]["pending"] == Decimal("-0.06")


@pytest.mark.parametrize(
    ("said", "due"),
    [(draft("1", due=DEARER), DEARER), (against(Reason.NOT_COMPLETED, due=FREE), FREE)],
)
def test_a_sent_order_with_a_changed_value_is_named_old_and_new(night: Night, said: Any, due: Money) -> None:
    night.stage(sighting("1"), sighting("2"))
    for number in ("1", "2"):
        force(night, number, state="received", settled_run=night.run.id)
    night.begin()
    night.stage(sighting("1", said, stated=DEARER), sighting("2"))

    found = balance(night)

    assert (found.changed, found.changes) == (1, [ValueChange("1", PRICE, due)])


def test_of_many_changes_the_first_are_named_and_all_counted(night: Night) -> None:
    many = totals.MAX_ORDERS_NAMED + 5
    night.stage(*orders(many))
    for i in range(many):
        force(night, f"A-{i}", state="received")
    night.begin()
    night.stage(*[sighting(f"A-{i}", draft(f"A-{i}", due=DEARER), stated=DEARER) for i in range(many)])

    found = balance(night)

    assert (found.changed, len(found.changes)) == (many, totals.MAX_ORDERS_NAMED)


def test_a_waiting_order_with_a_changed_value_is_no_change(night: Night) -> None:
    night.stage(sighting("1"))
    night.stage(sighting("1", draft("1", due=DEARER), stated=DEARER))

    assert balance(night).changed == 0


# before sending


def test_waiting_is_what_this_run_staged_for_sending_at_these_destinations(night: Night) -> None:
    night.stage(*orders(3), sighting("withheld", against(Reason.DENIED)))
    google, meta = night.numbers

    assert totals.count_pending(night.ledger, night.run.id, [google, meta]) == {google: 3, meta: 3}
    assert totals.count_pending(night.ledger, night.run.id, [meta]) == {meta: 3}
    assert totals.count_pending(night.ledger, night.begin().id, [meta]) == {meta: 0}


@pytest.mark.parametrize(
    ("state", "first"), [("pending", True), ("unknown", True), ("received", False), ("recorded", False)]
)
def test_the_first_time_is_over_once_something_was_received(night: Night, state: str, first: bool) -> None:
    night.stage(sighting("1"))
    force(night, "1", state=state)

    assert totals.first_time(night.ledger, night.numbers[1]) is first


def test_rows_that_could_not_be_orders_are_kept_by_place_and_reason(night: Night) -> None:
    night.read().add_bad_rows([BadRow("orders.csv:7", Reason.BAD_DATE, "A-1", "purchased_at", b"damage")])
    bad_rows.keep(night.ledger, night.run)

    rows = [tuple(row)[1:] for row in night.all(select(tables.row_rejected))]
    assert rows == [(night.run.id, "orders.csv:7", "bad_date", "A-1", "purchased_at", b"damage")]
