"""The rows of the matrix for what was quarantined, withheld, rejected, expired or erased before."""

import pytest

from tests.e2e.matrix import (
    DAY,
    FORBIDDEN,
    HUNDRED,
    NO_VALUE,
    OTHERWISE,
    REFUSED,
    ROWS,
    SET_ASIDE,
    THEN,
    VALUE,
    Case,
    Column,
    assert_changed,
    assert_counted_once,
    assert_counts,
    assert_states,
    planned_and_run,
    sent,
    the_night,
    unknown,
    waiting,
)
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop

UNFIT = {
    "bad_product_id": {"product_ids": "Rød kjole"},
    "no_product": {"product_ids": ""},
    "unknown_currency": {"currency": "KRONER"},
    "too_many_decimals": {"total": "100.0005"},
    "amount_too_large": {"total": "999999999999", "currency": "CLF"},
}
HELD_BACK = {
    "not_completed": {"status": "pending"},
    "no_email": {"billing_email": ""},
    "unusable_email": {"billing_email": "ida at home"},
    "already_a_digest": {"billing_email": digest("ida")},
    "consent_denied": {"ads_consent": "no"},
    "amount_not_above_zero": {"refunded": "100.00"},
}


@pytest.mark.parametrize("reason", UNFIT)
def test_quarantined_before_it_is_judged_anew(shop: Shop, reason: str) -> None:
    for _ in range(2):
        said = the_night(shop, Case(UNFIT[reason]))
        assert [said.counts(name) for name in NAMES] == [{"quarantined": {reason: 1}}] * 2
        assert shop.requests() == 0
    assert_counts(the_night(shop, ROWS["same"]), {"sent": 1})
    assert_counted_once(shop)


@pytest.mark.parametrize("reason", HELD_BACK)
def test_withheld_before_it_is_judged_anew(shop: Shop, reason: str) -> None:
    for _ in range(2):
        assert_counts(the_night(shop, Case(HELD_BACK[reason])), {"withheld": {reason: 1}})
        assert shop.requests() == 0
    assert_counts(the_night(shop, ROWS["same"]), {"sent": 1})
    assert_counted_once(shop)


def test_withheld_for_an_objection_it_is_judged_anew_once_that_is_taken_back(shop: Shop) -> None:
    assert_counts(the_night(shop, ROWS["objection"]), {"withheld": {"objection": 1}})
    shop.objection(shop.order()["billing_email"], taken_back=True)
    assert_counts(the_night(shop, ROWS["same"]), {"sent": 1})


@pytest.fixture
def poisoned(shop: Shop) -> Shop:
    """The one order is refused by both platforms."""
    shop.sandbox.use_faults(["poison=SKU-1"])
    shop.orders(shop.order())
    said = shop.run()
    assert_counts(said, {"quarantined": {REFUSED: 1}}, code=1)
    assert [said.at(name)["needs_a_person"]["refused"] for name in NAMES] == [1, 1]
    assert [shop.received(name)["distinct"] for name in NAMES] == [0, 0]
    return shop


def test_refused_by_the_platform_the_same_row_is_not_sent_again(poisoned: Shop) -> None:
    before = poisoned.requests()
    assert_counts(the_night(poisoned, ROWS["same"]), {"quarantined": {REFUSED: 1}})
    assert poisoned.requests() == before
    assert [problem["reason"] for problem in poisoned.status()["problems"]] == [REFUSED] * 2


@pytest.mark.parametrize("row", VALUE | OTHERWISE)
def test_refused_by_the_platform_a_row_that_differs_is_judged_anew(poisoned: Shop, row: str) -> None:
    poisoned.sandbox.use_faults([])
    assert_counts(the_night(poisoned, ROWS[row]), {"sent": 1})
    assert_counted_once(poisoned)
    for name in NAMES:
        assert len({sale.reference for sale in poisoned.sales(name)}) == 1  # its id on the wire is made once


@pytest.mark.parametrize("row", NO_VALUE | FORBIDDEN)
def test_refused_by_the_platform_and_now_not_to_be_sent_it_is_withheld(poisoned: Shop, row: str) -> None:
    before = poisoned.requests()
    assert_counts(the_night(poisoned, ROWS[row]), {"withheld": {ROWS[row].withheld: 1}})
    assert poisoned.requests() == before


@pytest.mark.parametrize("column", SET_ASIDE)
def test_rejected_or_expired_the_same_row_stays_as_it_is(shop: Shop, column: Column) -> None:
    column(shop)
    before = shop.requests()
    assert_counts(the_night(shop, ROWS["same"]), {column.__name__: 1})
    assert shop.requests() == before


@pytest.mark.parametrize("column", SET_ASIDE)
@pytest.mark.parametrize("row", VALUE | OTHERWISE)
def test_rejected_or_expired_a_row_that_differs_is_judged_anew(shop: Shop, column: Column, row: str) -> None:
    column(shop)
    before = {name: len(shop.events(name)) for name in NAMES}
    assert_counts(the_night(shop, ROWS[row]), {"sent": 1})
    assert {name: len(shop.events(name)) for name in NAMES} == {name: count + 1 for name, count in before.items()}
    for name in NAMES:
        assert len({sale.reference for sale in shop.sales(name)}) == 1


@pytest.mark.parametrize("column", SET_ASIDE)
@pytest.mark.parametrize("row", FORBIDDEN)
def test_rejected_or_expired_and_now_forbidden_it_is_withheld(shop: Shop, column: Column, row: str) -> None:
    column(shop)
    before = shop.requests()
    assert_counts(the_night(shop, ROWS[row]), {"withheld": {ROWS[row].withheld: 1}})
    assert shop.requests() == before


@pytest.mark.parametrize("column", SET_ASIDE)
def test_rejected_or_expired_a_row_that_differs_and_is_too_old_stays(shop: Shop, column: Column) -> None:
    column(shop)
    before = shop.requests()
    shop.wait(days=70)
    assert_counts(the_night(shop, Case({"total": "80.00"} | THEN), "--since", DAY), {column.__name__: 1})
    assert shop.requests() == before


@pytest.mark.parametrize("column", [waiting, sent, unknown])
def test_erased_stays_erased_whatever_the_source_says(shop: Shop, column: Column) -> None:
    """One order for each row; what erasure leaves is no bytes and no person."""
    numbers = [name.replace(" ", "-") for name in ROWS]
    column(shop, *numbers)
    shop.sql("UPDATE delivery SET state = 'erased', reason = 'erased'")
    shop.sql("UPDATE blob SET bytes = NULL")
    shop.sql("UPDATE sale SET subject = NULL")
    before = shop.requests()
    shop.objection(shop.order("objection")["billing_email"])
    shop.orders(*(shop.order(number, **case.change) for number, case in zip(numbers, ROWS.values(), strict=True)))
    said = planned_and_run(shop)
    assert_counts(said, {"withheld": {"erased": len(numbers)}})
    assert_changed(said, HUNDRED)
    assert shop.requests() == before
    assert shop.sql("SELECT count(*) FROM blob WHERE bytes IS NOT NULL") == [(0,)]
    assert shop.sql("SELECT count(*) FROM sale WHERE subject IS NOT NULL") == [(0,)]
    assert_states(shop, "erased", len(numbers))
