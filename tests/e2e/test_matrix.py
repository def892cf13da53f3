"""What the source says now x what the ledger holds: every cell through the command line, counted at the platforms.

The columns are made as they come about: an order waits because the run had no time or a platform refused the token, it
is unknown because the answer was lost, quarantined because a platform refused it. Nothing is restated unasked.
"""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.e2e.conftest import DOMAIN, NAMES, Json, Row, Said, Shop, digest

MAYBE = "maybe received, and may no longer be sent"

# ---------------------------------------------------------------------------------------------- columns


def new(shop: Shop) -> None:
    """The ledger has never met the order."""


def waiting(shop: Shop) -> None:
    """It was staged, and the run had no time to send it."""
    shop.configure(deadline="0s")
    shop.orders(shop.order())
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (75, {"pending": 1}, {"pending": 1})
    assert shop.requests() == 0
    shop.configure()


def refused(shop: Shop) -> None:
    """It was on the wire, and the platforms conclusively did not take it."""
    shop.sandbox.use_faults(["expired-token"])
    shop.orders(shop.order())
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (77, {"pending": 1}, {"pending": 1})
    shop.sandbox.use_faults([])
    shop.sandbox.reset()


def sent(shop: Shop) -> None:
    shop.orders(shop.order())
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (0, {"sent": 1}, {"sent": 1})


def unknown(shop: Shop) -> None:
    """The platforms took it and the answers were lost."""
    shop.configure(deadline="1s")
    shop.sandbox.use_faults(["lost"])
    shop.orders(shop.order())
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (75, {"unknown": 1}, {"unknown": 1})
    assert shop.states() == {name: {"unknown": 1} for name in NAMES}
    shop.sandbox.use_faults([])
    shop.configure()


NOT_SENT_YET = (new, waiting, refused)

# ------------------------------------------------------------------------------------------------- rows


def same(shop: Shop) -> Row:
    return shop.order()


def amount_changed(shop: Shop) -> Row:
    return shop.order(total="80.00")


def partly_refunded(shop: Shop) -> Row:
    return shop.order(refunded="20.00")


def refunded(shop: Shop) -> Row:
    return shop.order(refunded="100.00")


def amount_nought(shop: Shop) -> Row:
    return shop.order(total="0.00")


def cancelled(shop: Shop) -> Row:
    return shop.order(status="cancelled")


def other_address(shop: Shop) -> Row:
    return shop.order(billing_email=f"bo@{DOMAIN}")


def other_products(shop: Shop) -> Row:
    return shop.order(product_ids="SKU-8|SKU-9")


def denied(shop: Shop) -> Row:
    return shop.order(ads_consent="no")


def address_gone(shop: Shop) -> Row:
    return shop.order(billing_email="")


def objected(shop: Shop) -> Row:
    shop.objection(shop.order()["billing_email"])
    return shop.order()


def denied_and_amount_changed(shop: Shop) -> Row:
    return shop.order(ads_consent="no", total="80.00")


MakeRow = Callable[[Shop], Row]
OF_LESS_VALUE: dict[MakeRow, Decimal] = {amount_changed: Decimal(80), partly_refunded: Decimal(80)}
OF_NO_VALUE: dict[MakeRow, str] = {
    refunded: "amount not above zero",
    amount_nought: "amount not above zero",
    cancelled: "not completed",
}
OF_ANOTHER_SHAPE = (other_address, other_products)
FORBIDDEN: dict[MakeRow, str] = {
    denied: "consent denied",
    address_gone: "no e-mail address",
    objected: "objection",
    denied_and_amount_changed: "consent denied",
}
EVERY_ROW = (same, *OF_LESS_VALUE, *OF_NO_VALUE, *OF_ANOTHER_SHAPE, *FORBIDDEN)

# ----------------------------------------------------------------------------------------------- helpers


def the_night(shop: Shop, row: MakeRow) -> Said:
    """The same order is read again; what the plan said is what the run does."""
    shop.orders(row(shop))
    requests, kept = shop.requests(), shop.store_bytes()
    plan = shop.plan()
    assert (shop.requests(), shop.store_bytes()) == (requests, kept)
    said = shop.run()
    for name in NAMES:
        assert foreseen(plan.at(name)) == happened(said.at(name)), name
    return said


def foreseen(plan: Json) -> Json:
    """What is new or unanswered will be sent."""
    left = plan["pending"] + plan["unknown"]
    return {**shared(plan), "goes": left}


def happened(run: Json) -> Json:
    return {**shared(run), "goes": run["sent"] + run["pending"] + run["unknown"]}


def shared(side: Json) -> Json:
    kept = ("read", "already_sent", "withheld", "quarantined", "rejected", "deferred", "expired", "changed", "changes")
    return {key: side[key] for key in (*kept, "difference")}


def assert_counts(said: Said, expected: Json, code: int = 0) -> None:
    assert said.code == code, said
    for name in NAMES:
        assert said.counts(name) == expected, name
        assert said.at(name)["difference"] == 0


def assert_changed(said: Said, new: Decimal | None) -> None:
    """The old value, the new one, and that nothing was restated."""
    for name in NAMES:
        side = said.at(name)
        changes = [(c["order"], Decimal(c["old"]), Decimal(c["new"]), c["currency"]) for c in side["changes"]]
        assert changes == ([] if new is None else [("1001", Decimal(100), new, "DKK")]), name
        assert (side["changed"], side["restated"]) == (len(changes), 0)


def assert_nothing_more(shop: Shop) -> None:
    """Another run sends nothing, and stays calm about it."""
    before = shop.requests()
    again = shop.run()
    assert again.code == 0, again
    assert shop.requests() == before
    for name in NAMES:
        assert again.at(name)["sent"] == 0


def assert_counted_once(shop: Shop, *, arrivals: int = 1) -> None:
    for name in NAMES:
        received = shop.received(name)
        counted = (received["events"], received["distinct"], received["duplicates"], received["double_counted"])
        assert counted == (arrivals, 1, arrivals - 1, 0), name


# ------------------------------------------------------------------------------------------ not sent yet


@pytest.mark.parametrize("column", NOT_SENT_YET)
@pytest.mark.parametrize("row", [same, *OF_LESS_VALUE, *OF_ANOTHER_SHAPE])
def test_not_sent_yet_what_the_source_says_now_is_sent(
    shop: Shop, column: Callable[[Shop], None], row: MakeRow
) -> None:
    column(shop)
    assert_counts(the_night(shop, row), {"sent": 1})
    assert_counted_once(shop)
    for name in NAMES:
        (sale,) = shop.sales(name)
        assert sale.value == OF_LESS_VALUE.get(row, 100)
        assert sale.digest == digest(row(shop)["billing_email"])
        assert sale.products == tuple(row(shop)["product_ids"].split("|"))
    assert_nothing_more(shop)
    assert shop.states() == {name: {"received": 1} for name in NAMES}


@pytest.mark.parametrize("column", NOT_SENT_YET)
@pytest.mark.parametrize("row", [*OF_NO_VALUE, *FORBIDDEN])
def test_not_sent_yet_and_now_not_to_be_sent_it_is_withheld(
    shop: Shop, column: Callable[[Shop], None], row: MakeRow
) -> None:
    column(shop)
    said = the_night(shop, row)
    assert_counts(said, {"withheld": {(OF_NO_VALUE | FORBIDDEN)[row]: 1}})
    assert_changed(said, None)
    assert shop.requests() == 0
    assert_nothing_more(shop)
    assert shop.states() == {name: {"withheld": 1} for name in NAMES}


# -------------------------------------------------------------------------------------------------- sent


@pytest.mark.parametrize("row", EVERY_ROW)
def test_sent_nothing_is_sent_again_whatever_the_source_says(shop: Shop, row: MakeRow) -> None:
    sent(shop)
    before = shop.requests()
    said = the_night(shop, row)
    assert_counts(said, {"already_sent": 1})
    assert shop.requests() == before
    assert_counted_once(shop)
    assert shop.states() == {name: {"received": 1} for name in NAMES}


@pytest.mark.parametrize("row", EVERY_ROW)
def test_sent_a_changed_value_is_shown_old_and_new_until_it_is_restated(shop: Shop, row: MakeRow) -> None:
    sent(shop)
    due = OF_LESS_VALUE.get(row, Decimal(0) if row in OF_NO_VALUE else None)
    assert_changed(the_night(shop, row), due)
    assert_changed(shop.run(), due)


def test_sent_and_changed_back_nothing_is_due(shop: Shop) -> None:
    sent(shop)
    assert_changed(the_night(shop, amount_changed), Decimal(80))
    assert_changed(the_night(shop, same), None)


@pytest.mark.parametrize(
    "change", [{"product_ids": "Rød kjole"}, {"total": "100.001"}, {"total": "999999999999"}, {"currency": "???"}]
)
def test_sent_and_now_unfit_to_be_sent_it_stays_sent(shop: Shop, change: Row) -> None:
    sent(shop)
    before = shop.requests()
    said = the_night(shop, lambda shop: shop.order(**change))
    assert_counts(said, {"already_sent": 1})
    assert shop.requests() == before


# ----------------------------------------------------------------------------------------------- unknown


@pytest.mark.parametrize("row", [same, *OF_LESS_VALUE, *OF_NO_VALUE, *OF_ANOTHER_SHAPE])
def test_unknown_the_old_bytes_are_sent_again(shop: Shop, row: MakeRow) -> None:
    unknown(shop)
    said = the_night(shop, row)
    assert_counts(said, {"sent": 1})
    for name in NAMES:
        first, second = shop.events(name)
        assert first == second
        assert len(shop.bodies(name)) == 2
    assert_counted_once(shop, arrivals=2)
    assert_nothing_more(shop)
    resends = [attempt for attempt in shop.exported() if attempt["purpose"] == "resend"]
    assert sorted(attempt["destination"] for attempt in resends) == sorted(NAMES)


@pytest.mark.parametrize("row", [*OF_LESS_VALUE, *OF_NO_VALUE])
def test_unknown_once_answered_a_changed_value_is_shown_as_of_a_sent_one(shop: Shop, row: MakeRow) -> None:
    unknown(shop)
    the_night(shop, row)
    assert_changed(shop.run(), OF_LESS_VALUE.get(row, Decimal(0)))
    assert_counted_once(shop, arrivals=2)


@pytest.mark.parametrize("row", FORBIDDEN)
def test_unknown_and_forbidden_now_it_is_not_sent_again(shop: Shop, row: MakeRow) -> None:
    unknown(shop)
    before = shop.requests()
    said = the_night(shop, row)
    assert_counts(said, {"withheld": {MAYBE: 1}})
    assert_changed(said, None)
    assert shop.requests() == before
    assert_counted_once(shop)
    assert_nothing_more(shop)


@pytest.mark.parametrize("row", FORBIDDEN)
def test_unknown_and_forbidden_once_it_is_not_sent_when_allowed_again(shop: Shop, row: MakeRow) -> None:
    """Whether the platform holds it nobody knows; a person decides."""
    unknown(shop)
    the_night(shop, row)
    before = shop.requests()
    if row is objected:
        said = shop.command(
            "privacy", "object", "--remove", "--reason", "by phone", stdin=shop.order()["billing_email"]
        )
        assert said.code == 0, said
    assert_counts(the_night(shop, same), {"withheld": {MAYBE: 1}})
    assert shop.requests() == before


@pytest.mark.parametrize("fault", ["503", "html", "no-request-id", "lost", "dropped", "wrong-count:meta"])
def test_every_answer_that_is_none_is_unknown_and_resent_byte_for_byte(shop: Shop, fault: str) -> None:
    shop.configure(deadline="1s")
    shop.sandbox.use_faults([fault])
    shop.orders(shop.order())
    said = shop.run()
    struck = ["meta"] if fault.endswith("meta") else list(NAMES)
    assert said.code == 75
    for name in NAMES:
        assert said.counts(name) == ({"unknown": 1} if name in struck else {"sent": 1})
    shop.sandbox.use_faults([])
    assert shop.run().code == 0
    for name in struck:
        assert len(set(shop.events(name))) == 1
        received = shop.received(name)
        assert (received["distinct"], received["double_counted"]) == (1, 0)
    assert shop.states() == {name: {"received": 1} for name in NAMES}


def test_unknown_past_the_platforms_window_is_left_to_a_person(shop: Shop) -> None:
    """Meta counts an offline event once for seven days; Google for ever, as long as it takes it at all."""
    unknown(shop)
    shop.wait(days=8)
    shop.orders(shop.order(purchased_at=f"{shop.day(10)} 12:00:00"))
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (1, {"sent": 1}, {"unknown": 1})
    assert len(shop.bodies("meta")) == 1
    assert said.at("meta")["needs_a_person"]["undecided"] == 1
    again = shop.run()
    assert (again.code, again.counts("meta")) == (0, {"unknown": 1})
    assert len(shop.bodies("meta")) == 1
    assert [(p["destination"], p["state"]) for p in shop.status()["problems"]] == [("meta", "unknown")]


def test_unknown_orders_of_any_day_are_read_again_without_dates(shop: Shop) -> None:
    """The window reaches back to the oldest open order, so that consent is asked again before it is resent."""
    unknown(shop)
    shop.wait(days=20)
    assert shop.plan().json["window"]["since"] == "2026-11-20"


# --------------------------------------------------------------------------------- set aside before, mended now

UNFIT = {
    "product ID of an unexpected shape": {"product_ids": "Rød kjole"},
    "no product ID": {"product_ids": ""},
    "unknown currency": {"currency": "KRONER"},
    "more decimals than the currency has": {"total": "100.005"},
    "amount too large": {"total": "999999999999"},
}


@pytest.mark.parametrize("reason", UNFIT)
def test_quarantined_before_it_is_judged_anew(shop: Shop, reason: str) -> None:
    for _ in range(2):
        said = the_night(shop, lambda shop: shop.order(**UNFIT[reason]))
        assert {name: said.counts(name) for name in NAMES} == {name: {"quarantined": {reason: 1}} for name in NAMES}
        assert shop.requests() == 0
    assert_counts(the_night(shop, same), {"sent": 1})
    assert_counted_once(shop)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (lambda shop: shop.order(status="pending"), "not completed"),
        (lambda shop: shop.order(billing_email=""), "no e-mail address"),
        (lambda shop: shop.order(billing_email="ida at home"), "unusable e-mail address"),
        (lambda shop: shop.order(billing_email=digest("x")), "the address already is a digest"),
        (denied, "consent denied"),
        (refunded, "amount not above zero"),
    ],
)
def test_withheld_before_it_is_judged_anew(shop: Shop, before: MakeRow, reason: str) -> None:
    for _ in range(2):
        assert_counts(the_night(shop, before), {"withheld": {reason: 1}})
        assert shop.requests() == 0
    assert_counts(the_night(shop, same), {"sent": 1})
    assert_counted_once(shop)


def test_withheld_for_an_objection_it_is_judged_anew_once_that_is_taken_back(shop: Shop) -> None:
    assert_counts(the_night(shop, objected), {"withheld": {"objection": 1}})
    shop.command("privacy", "object", "--remove", "--reason", "by phone", stdin=shop.order()["billing_email"])
    assert_counts(the_night(shop, same), {"sent": 1})


def test_refused_by_the_platform_the_same_row_is_not_sent_again(shop: Shop) -> None:
    shop.sandbox.use_faults(["poison=SKU-1"])
    said = the_night_of_a_refusal(shop)
    before = shop.requests()
    again = the_night(shop, same)
    assert_counts(again, {"quarantined": {"refused by the platform": 1}})
    assert shop.requests() == before, said
    assert [p["reason"] for p in shop.status()["problems"]] == ["refused by the platform"] * 2


def the_night_of_a_refusal(shop: Shop) -> Said:
    shop.orders(same(shop))
    said = shop.run()
    assert_counts(said, {"quarantined": {"refused by the platform": 1}}, code=1)
    for name in NAMES:
        assert said.at(name)["needs_a_person"]["refused"] == 1
        assert shop.received(name)["distinct"] == 0
    return said


@pytest.mark.parametrize("row", [*OF_LESS_VALUE, *OF_ANOTHER_SHAPE])
def test_refused_by_the_platform_a_row_that_differs_is_judged_anew(shop: Shop, row: MakeRow) -> None:
    shop.sandbox.use_faults(["poison=SKU-1"])
    the_night_of_a_refusal(shop)
    shop.sandbox.use_faults([])
    assert_counts(the_night(shop, row), {"sent": 1})
    assert_counted_once(shop)
    for name in NAMES:
        assert len({sale.reference for sale in shop.sales(name)}) == 1  # its id on the wire is made once


@pytest.mark.parametrize("row", [*OF_NO_VALUE, *FORBIDDEN])
def test_refused_by_the_platform_and_now_not_to_be_sent_it_is_withheld(shop: Shop, row: MakeRow) -> None:
    shop.sandbox.use_faults(["poison=SKU-1"])
    the_night_of_a_refusal(shop)
    before = shop.requests()
    assert_counts(the_night(shop, row), {"withheld": {(OF_NO_VALUE | FORBIDDEN)[row]: 1}})
    assert shop.requests() == before


def rejected(shop: Shop) -> None:
    """As diagnostics will find later: taken, and then not recorded."""
    sent(shop)
    shop.sql("UPDATE delivery SET state = 'rejected'")


def expired(shop: Shop) -> None:
    """It waited until it was too old for Meta, and for Google."""
    waiting(shop)
    shop.wait(days=70)
    shop.orders(shop.order(purchased_at="2026-11-20 12:00:00"))
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (1, {"expired": 1}, {"expired": 1})
    assert said.at("meta")["needs_a_person"]["expired"] == 1
    again = shop.run()
    assert (again.code, again.counts("meta")) == (0, {"expired": 1})
    assert shop.requests() == 0
    shop.clock.now = shop.clock.now.replace(month=11, year=2026, day=23)  # inside the windows again


SET_ASIDE = (rejected, expired)


@pytest.mark.parametrize("column", SET_ASIDE)
def test_rejected_or_expired_the_same_row_stays_as_it_is(shop: Shop, column: Callable[[Shop], None]) -> None:
    column(shop)
    before = shop.requests()
    said = the_night(shop, lambda shop: shop.order(purchased_at="2026-11-20 12:00:00"))
    assert_counts(said, {column.__name__: 1})
    assert shop.requests() == before


@pytest.mark.parametrize("column", SET_ASIDE)
@pytest.mark.parametrize("change", [{"total": "80.00"}, {"product_ids": "SKU-8"}, {"billing_email": f"bo@{DOMAIN}"}])
def test_rejected_or_expired_a_row_that_differs_is_judged_anew(
    shop: Shop, column: Callable[[Shop], None], change: Row
) -> None:
    column(shop)
    before = {name: len(shop.events(name)) for name in NAMES}
    said = the_night(shop, lambda shop: shop.order(**{"purchased_at": "2026-11-20 12:00:00"} | change))
    assert_counts(said, {"sent": 1})
    assert {name: len(shop.events(name)) for name in NAMES} == {name: count + 1 for name, count in before.items()}
    assert len({sale.reference for sale in shop.sales("meta")}) == 1


@pytest.mark.parametrize("column", SET_ASIDE)
def test_rejected_or_expired_a_row_that_differs_and_is_too_old_stays(
    shop: Shop, column: Callable[[Shop], None]
) -> None:
    column(shop)
    before = shop.requests()
    shop.wait(days=70)
    said = the_night(shop, lambda shop: shop.order(purchased_at="2026-11-20 12:00:00", total="80.00"))
    assert_counts(said, {column.__name__: 1})
    assert shop.requests() == before


# ------------------------------------------------------------------------------------------------ erased


def erased(shop: Shop, column: Callable[[Shop], None]) -> None:
    """As `privacy erase` will leave it: no bytes, no person."""
    column(shop)
    shop.sql("UPDATE delivery SET state = 'erased', reason = 'erased'")
    shop.sql("UPDATE event SET bytes = NULL, salt = NULL")
    shop.sql("UPDATE sale SET subject = NULL")


@pytest.mark.parametrize("column", [waiting, sent, unknown])
@pytest.mark.parametrize("row", EVERY_ROW)
def test_erased_stays_erased_whatever_the_source_says(shop: Shop, column: Callable[[Shop], None], row: MakeRow) -> None:
    erased(shop, column)
    before = shop.requests()
    said = the_night(shop, row)
    assert_counts(said, {"withheld": {"erased": 1}})
    assert_changed(said, None)
    assert shop.requests() == before
    assert shop.sql("SELECT count(*) FROM event WHERE bytes IS NOT NULL") == [(0,)]
    assert shop.sql("SELECT subject FROM sale") == [(None,)]
    assert shop.states() == {name: {"erased": 1} for name in NAMES}
