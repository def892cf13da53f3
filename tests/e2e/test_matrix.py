"""What the source says now x what the ledger holds: every cell through the command line, counted at the platforms.

The columns are made as they come about: an order waits because a run had no time or a platform refused the token, it is
unknown because the answer was lost, quarantined because a platform refused it. Nothing is restated unasked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from tests.e2e.conftest import DOMAIN, NAMES, Json, Row, Said, Shop, at_most, digest

HUNDRED, EIGHTY, NOUGHT = Decimal(100), Decimal(80), Decimal(0)
MAYBE = "maybe received, and may no longer be sent"
REFUSED = "refused by the platform"


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the matrix: what the source says now of an order of 100 DKK."""

    change: Row = field(default_factory=dict)
    due: Decimal = HUNDRED
    """What the platforms should hold."""
    withheld: str | None = None
    """Why it would not be sent, had it not been sent yet."""
    objection: bool = False


VALUE = {
    "amount changed": Case({"total": "80.00"}, EIGHTY),
    "partly refunded": Case({"refunded": "20.00"}, EIGHTY),
}
NO_VALUE = {
    "refunded": Case({"refunded": "100.00"}, NOUGHT, "amount not above zero"),
    "amount 0": Case({"total": "0.00"}, NOUGHT, "amount not above zero"),
    "cancelled": Case({"status": "cancelled"}, NOUGHT, "not completed"),
}
OTHERWISE = {
    "address changed": Case({"billing_email": f"bo@{DOMAIN}"}),
    "products changed": Case({"product_ids": "SKU-8|SKU-9"}),
}
FORBIDDEN = {
    "consent denied": Case({"ads_consent": "no"}, withheld="consent denied"),
    "address gone": Case({"billing_email": ""}, withheld="no e-mail address"),
    "objection": Case(objection=True, withheld="objection"),
    "consent denied and amount changed": Case({"ads_consent": "no", "total": "80.00"}, withheld="consent denied"),
}
SAME = {"same": Case()}
ROWS = SAME | VALUE | NO_VALUE | OTHERWISE | FORBIDDEN


# ---------------------------------------------------------------------------------------------------- columns

Column = Callable[..., None]


def new(shop: Shop, *numbers: str) -> None:
    """The ledger has never met the orders."""


def waiting(shop: Shop, *numbers: str) -> None:
    """They were staged, and the run had no time to send them."""
    shop.configure(deadline="0s")
    _first_night(shop, numbers, 75, "pending")
    assert shop.requests() == 0
    shop.configure()


def refused(shop: Shop, *numbers: str) -> None:
    """They were on the wire, and the platforms conclusively did not take them."""
    shop.sandbox.use_faults(["expired-token"])
    _first_night(shop, numbers, 77, "pending")
    shop.sandbox.use_faults([])
    shop.sandbox.reset()


def sent(shop: Shop, *numbers: str) -> None:
    _first_night(shop, numbers, 0, "sent")


def unknown(shop: Shop, *numbers: str) -> None:
    """The platforms took them, and the answers were lost."""
    shop.configure(deadline="1s")
    shop.sandbox.use_faults(["lost"])
    _first_night(shop, numbers, 75, "unknown")
    shop.sandbox.use_faults([])
    shop.configure()


def rejected(shop: Shop, *numbers: str) -> None:
    """As diagnostics will find later: taken, and then not recorded."""
    sent(shop, *numbers)
    shop.sql("UPDATE delivery SET state = 'rejected'")


def expired(shop: Shop, *numbers: str) -> None:
    """They waited until they were too old for both."""
    waiting(shop, *numbers)
    shop.wait(days=70)
    shop.orders(*(shop.order(number, **THEN) for number in numbers or ("1001",)))
    said = shop.run()
    assert_counts(said, {"expired": len(numbers) or 1}, code=1)
    assert said.at("meta")["needs_a_person"]["expired"] == (len(numbers) or 1)
    assert_counts(shop.run("--since", DAY), {"expired": len(numbers) or 1})
    assert shop.requests() == 0
    shop.wait(days=-70)


DAY = "2026-11-20"
THEN = {"purchased_at": f"{DAY} 12:00:00"}
"""However late it is by now."""
NOT_SENT_YET = (new, waiting, refused)
SET_ASIDE = (rejected, expired)


def _first_night(shop: Shop, numbers: Iterable[str], code: int, bucket: str) -> None:
    rows = [shop.order(number) for number in numbers or ("1001",)]
    shop.orders(*rows)
    assert_counts(shop.run(), {bucket: len(rows)}, code=code)


# ---------------------------------------------------------------------------------------------------- helpers


def the_night(shop: Shop, case: Case, *arguments: str) -> Said:
    """The same order is read again."""
    if case.objection:
        shop.objection(shop.order()["billing_email"])
    shop.orders(shop.order(**case.change))
    return planned_and_run(shop, *arguments)


def planned_and_run(shop: Shop, *arguments: str) -> Said:
    """What the plan says, and writes nothing for, is what the run then does."""
    requests, kept = shop.requests(), shop.store_bytes()
    plan = shop.plan(*arguments)
    assert (shop.requests(), shop.store_bytes()) == (requests, kept)
    said = shop.run(*arguments)
    for name in NAMES:
        assert outlook(plan.at(name)) == outlook(said.at(name)), name
    return said


def outlook(side: Json) -> Json:
    """What is new or unanswered is what goes; a plan foresees that all of it is received."""
    kept = ("read", "already_sent", "withheld", "quarantined", "rejected", "deferred", "expired", "changed", "changes")
    return {key: side[key] for key in kept} | {"goes": side["sent"] + side["pending"] + side["unknown"]}


def assert_counts(said: Said, expected: Json, code: int = 0) -> None:
    assert said.code == code, said
    for name in NAMES:
        assert said.counts(name) == expected, name
        assert said.at(name)["difference"] == 0


def assert_changed(said: Said, new: Decimal) -> None:
    """The old value and the new one are shown, and nothing was restated."""
    expected = [] if new == HUNDRED else [("1001", HUNDRED, new, "DKK")]
    for name in NAMES:
        side = said.at(name)
        shown = [(c["order"], Decimal(c["old"]), Decimal(c["new"]), c["currency"]) for c in side["changes"]]
        assert (shown, side["changed"], side["restated"]) == (expected, len(expected), 0), name


def assert_nothing_more(shop: Shop) -> None:
    """Another run sends nothing, and stays calm about it."""
    before = shop.requests()
    again = shop.run()
    assert again.code == 0, again
    assert shop.requests() == before


def assert_counted_once(shop: Shop, *, arrivals: int = 1) -> None:
    for name in NAMES:
        received = shop.received(name)
        counted = (received["events"], received["distinct"], received["duplicates"], received["double_counted"])
        assert counted == (arrivals, 1, arrivals - 1, 0), name


def assert_states(shop: Shop, state: str, orders: int = 1) -> None:
    assert shop.states() == {name: {state: orders} for name in NAMES}


# ------------------------------------------------------------------------------------------------ not sent yet


@pytest.mark.parametrize("column", NOT_SENT_YET)
@pytest.mark.parametrize("row", SAME | VALUE | OTHERWISE)
def test_not_sent_yet_what_the_source_says_now_is_sent(shop: Shop, column: Column, row: str) -> None:
    column(shop)
    assert_counts(the_night(shop, ROWS[row]), {"sent": 1})
    assert_counted_once(shop)
    said = shop.order(**ROWS[row].change)
    for name in NAMES:
        (sale,) = shop.sales(name)
        assert sale.value == ROWS[row].due
        assert sale.digest == digest(said["billing_email"])
        assert sale.products == tuple(said["product_ids"].split("|"))
    assert_nothing_more(shop)
    assert_states(shop, "received")


@pytest.mark.parametrize("column", NOT_SENT_YET)
@pytest.mark.parametrize("row", NO_VALUE | FORBIDDEN)
def test_not_sent_yet_and_now_not_to_be_sent_it_is_withheld(shop: Shop, column: Column, row: str) -> None:
    column(shop)
    said = the_night(shop, ROWS[row])
    assert_counts(said, {"withheld": {ROWS[row].withheld: 1}})
    assert_changed(said, HUNDRED)
    assert_nothing_more(shop)
    assert shop.requests() == 0
    assert_states(shop, "withheld")


# -------------------------------------------------------------------------------------------------------- sent


@pytest.mark.parametrize("row", ROWS)
def test_sent_it_is_not_sent_again_and_a_changed_value_is_shown_old_and_new(shop: Shop, row: str) -> None:
    sent(shop)
    before = shop.requests()
    for _ in range(2):
        said = the_night(shop, ROWS[row])
        assert_counts(said, {"already_sent": 1})
        assert_changed(said, ROWS[row].due)
    assert shop.requests() == before
    assert_counted_once(shop)
    assert_states(shop, "received")


def test_sent_and_changed_back_nothing_is_due(shop: Shop) -> None:
    sent(shop)
    assert_changed(the_night(shop, ROWS["amount changed"]), EIGHTY)
    assert_changed(the_night(shop, ROWS["same"]), HUNDRED)


@pytest.mark.parametrize("change", [{"product_ids": "Rød kjole"}, {"total": "100.001"}, {"currency": "KRONER"}])
def test_sent_and_now_unfit_to_be_sent_it_stays_sent(shop: Shop, change: Row) -> None:
    sent(shop)
    before = shop.requests()
    assert_counts(the_night(shop, Case(change)), {"already_sent": 1})
    assert shop.requests() == before


def test_sent_to_one_platform_only_the_other_gets_what_the_source_says_now(shop: Shop) -> None:
    shop.sandbox.use_faults(["expired-token:meta"])
    shop.orders(shop.order())
    assert shop.run().code == 77
    shop.sandbox.use_faults([])
    shop.orders(shop.order(total="80.00", billing_email=f"bo@{DOMAIN}"))
    said = planned_and_run(shop)
    assert (said.counts("google"), said.counts("meta")) == ({"already_sent": 1}, {"sent": 1})
    assert (said.at("google")["changed"], said.at("meta")["changed"]) == (1, 0)
    assert (shop.sales("google")[0].value, shop.sales("meta")[-1].value) == (HUNDRED, EIGHTY)
    shop.objection(f"bo@{DOMAIN}")
    assert shop.run().counts("meta") == {"already_sent": 1}


# ----------------------------------------------------------------------------------------------------- unknown


@pytest.mark.parametrize("row", SAME | VALUE | NO_VALUE | OTHERWISE)
def test_unknown_the_old_bytes_are_sent_again_and_then_it_is_as_if_sent(shop: Shop, row: str) -> None:
    unknown(shop)
    said = the_night(shop, ROWS[row])
    assert_counts(said, {"sent": 1})
    assert_changed(said, ROWS[row].due)
    for name in NAMES:
        first, second = shop.events(name)
        assert first == second
        assert len(shop.bodies(name)) == 2
    assert_counted_once(shop, arrivals=2)
    assert_nothing_more(shop)
    assert_changed(shop.run(), ROWS[row].due)
    resends = [attempt["destination"] for attempt in shop.exported() if attempt["purpose"] == "resend"]
    assert sorted(resends) == sorted(NAMES)


@pytest.mark.parametrize("row", FORBIDDEN)
def test_unknown_and_forbidden_now_it_is_not_sent_again_and_not_when_allowed_later(shop: Shop, row: str) -> None:
    """Whether the platform holds it nobody knows; a person decides."""
    unknown(shop)
    before = shop.requests()
    said = the_night(shop, ROWS[row])
    assert_counts(said, {"withheld": {MAYBE: 1}})
    assert_changed(said, HUNDRED)
    if ROWS[row].objection:
        shop.objection(shop.order()["billing_email"], taken_back=True)
    assert_counts(the_night(shop, ROWS["same"]), {"withheld": {MAYBE: 1}})
    assert shop.requests() == before
    assert_counted_once(shop)
    assert_states(shop, "withheld")


@pytest.mark.parametrize("fault", ["503", "html", "no-request-id", "lost", "dropped", "wrong-count:meta"])
def test_every_answer_that_is_none_is_unknown_and_resent_byte_for_byte(shop: Shop, fault: str) -> None:
    shop.configure(deadline="1s")
    shop.sandbox.use_faults([fault])
    shop.orders(shop.order())
    said = shop.run()
    struck = ["meta"] if fault.endswith("meta") else list(NAMES)
    assert said.code == 75
    assert {name: said.counts(name) for name in struck} == {name: {"unknown": 1} for name in struck}
    shop.sandbox.use_faults([])
    assert shop.run().code == 0
    for name in struck:
        assert len(set(shop.events(name))) == 1
        received = shop.received(name)
        assert (received["distinct"], received["double_counted"]) == (1, 0)
    assert_states(shop, "received")


def test_an_unknown_resend_that_is_lost_again_is_sent_until_it_is_answered(shop: Shop) -> None:
    unknown(shop)
    shop.sandbox.use_faults(["lostx2"])
    said = shop.run()
    assert_counts(said, {"sent": 1})
    for name in NAMES:
        assert len(shop.events(name)) == 4
        assert len(set(shop.events(name))) == 1
    assert_counted_once(shop, arrivals=4)


def test_unknown_past_the_platforms_window_is_left_to_a_person(shop: Shop) -> None:
    """Meta counts an offline event once for seven days; Google for ever, as long as it takes it at all."""
    unknown(shop)
    shop.wait(days=8)
    shop.orders(shop.order(**THEN))
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (1, {"sent": 1}, {"unknown": 1})
    assert said.at("meta")["needs_a_person"]["undecided"] == 1
    again = shop.run("--since", DAY)
    assert (again.code, again.counts("meta")) == (0, {"unknown": 1})
    assert len(shop.bodies("meta")) == 1
    assert [(p["destination"], p["state"]) for p in shop.status()["problems"]] == [("meta", "unknown")]


def test_the_window_reaches_back_to_unknown_orders_so_that_consent_is_asked_again(shop: Shop) -> None:
    unknown(shop)
    shop.wait(days=20)
    assert shop.plan().json["window"]["since"] == DAY
    shop.orders(shop.order(**THEN, ads_consent="no"))
    assert_counts(shop.run(), {"withheld": {MAYBE: 1}})


def test_an_unknown_order_that_becomes_too_old_while_it_waits_ends_the_run(shop: Shop) -> None:
    """Meta takes it until 18:00 of the seventh day; the answer is lost two seconds before."""
    shop.orders(shop.order(purchased_at=f"{shop.day(7)} 12:00:00"))
    shop.clock.now = shop.now.replace(hour=16, minute=59, second=58)
    shop.sandbox.use_faults(["lost:meta"])
    with at_most(seconds=20):
        said = shop.run()
    assert (said.counts("google"), said.counts("meta")) == ({"sent": 1}, {"unknown": 1})
    assert len(shop.bodies("meta")) == 1


# ----------------------------------------------------------------------------------- set aside before, mended now

UNFIT = {
    "product ID of an unexpected shape": {"product_ids": "Rød kjole"},
    "no product ID": {"product_ids": ""},
    "unknown currency": {"currency": "KRONER"},
    "more decimals than the currency has": {"total": "100.005"},
    "amount too large": {"total": "999999999999", "currency": "CLF"},
}
HELD_BACK = {
    "not completed": {"status": "pending"},
    "no e-mail address": {"billing_email": ""},
    "unusable e-mail address": {"billing_email": "ida at home"},
    "the address already is a digest": {"billing_email": digest("ida")},
    "consent denied": {"ads_consent": "no"},
    "amount not above zero": {"refunded": "100.00"},
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


# ------------------------------------------------------------------------------------------------------ erased


@pytest.mark.parametrize("column", [waiting, sent, unknown])
def test_erased_stays_erased_whatever_the_source_says(shop: Shop, column: Column) -> None:
    """One order for each row; what erasure leaves is no bytes and no person."""
    numbers = [name.replace(" ", "-") for name in ROWS]
    column(shop, *numbers)
    shop.sql("UPDATE delivery SET state = 'erased', reason = 'erased', subject = NULL")
    shop.sql("UPDATE event SET bytes = NULL, salt = NULL")
    before = shop.requests()
    shop.objection(shop.order("objection")["billing_email"])
    shop.orders(*(shop.order(number, **case.change) for number, case in zip(numbers, ROWS.values(), strict=True)))
    said = planned_and_run(shop)
    assert_counts(said, {"withheld": {"erased": len(numbers)}})
    assert_changed(said, HUNDRED)
    assert shop.requests() == before
    assert shop.sql("SELECT count(*) FROM event WHERE bytes IS NOT NULL") == [(0,)]
    assert shop.sql("SELECT count(*) FROM delivery WHERE subject IS NOT NULL") == [(0,)]
    assert_states(shop, "erased", len(numbers))
