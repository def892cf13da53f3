"""Values that changed after sending: told to Google once when asked for, and only of orders that it holds."""

import io
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import typer

from tests.e2e.conftest import OpenShop
from tests.e2e.matrix import (
    FORBIDDEN,
    NO_VALUE,
    ROWS,
    VALUE,
    assert_nothing_more,
    planned_and_run,
    sent,
    the_night,
    waiting,
)
from tests.e2e.said import ATTENTION, Said
from tests.e2e.shop import Shop
from tests.e2e.test_killed import Killed, killed_at


def recorded(shop: Shop, *numbers: str) -> None:
    """Sent, and found in Google's diagnostics."""
    sent(shop, *numbers)
    shop.wait(hours=1)
    assert shop.command("reconcile").code == 0
    assert shop.states()["google"] == {"recorded": len(numbers) or 1}


def restatements(said: Said, platform: str = "google") -> dict[str, int]:
    found = said.at(platform)["restatements"]
    counts = {name: sums["orders"] for name, sums in found.items() if name != "not_possible" and sums["orders"]}
    return counts | {why: sums["orders"] for why, sums in found["not_possible"].items()}


def lines(shop: Shop) -> list[str]:
    """The purposes of Google's requests, in order."""
    return [attempt["purpose"] for attempt in shop.exported() if attempt["destination"] == "google"]


def held(shop: Shop, platform: str = "google") -> int:
    """What the far side's books say, in whole crowns."""
    return int(Decimal(shop.received(platform)["value"]["DKK"]))


@pytest.mark.parametrize("row", VALUE | NO_VALUE)
def test_a_changed_value_is_restated_once_and_counted_once(shop: Shop, row: str) -> None:
    recorded(shop)
    due = ROWS[row].due
    said = the_night(shop, ROWS[row])
    assert (restatements(said), held(shop)) == ({"possible": 1}, 100)
    said = shop.run("--restate")
    assert said.code == 0, said
    assert restatements(said) == {"made": 1}
    assert restatements(said, "meta") == {"no_correction": 1}
    assert said.at("google")["restated"] == 1
    made = said.at("google")["restatements"]["made"]
    assert (Decimal(made["old"]["DKK"]), Decimal(made["new"]["DKK"])) == (Decimal(100), due)
    assert (held(shop), held(shop, "meta")) == (int(due), 100)
    first, second = shop.sales("google")
    assert second == first.__class__(first.reference, first.digest, due, first.currency, first.products)
    received = shop.received("google")
    assert (received["events"], received["distinct"], received["double_counted"]) == (2, 1, 0)
    assert lines(shop) == ["first", "restate"]
    assert_nothing_more(shop)
    assert shop.run("--restate").at("google")["changes"] == []
    assert len(shop.events("google")) == 2


def test_a_run_that_is_not_asked_sends_no_changed_value_and_the_plan_says_what_it_would_change(shop: Shop) -> None:
    recorded(shop, "1", "2", "3")
    shop.orders(shop.order("1", total="80.00"), shop.order("2", refunded="50.00"), shop.order("3"))
    said = planned_and_run(shop)
    assert (said.code, restatements(said)) == (0, {"possible": 2})
    plan = shop.command("plan")
    assert "`conversions run --restate` would correct 2 orders from 200.00 DKK to 130.00 DKK" in plan.out
    assert "not corrected: 2 orders from 200.00 DKK to 130.00 DKK; this platform takes no corrections" in plan.out
    status = shop.command("status").out
    assert "meta, changed since sending: 2 orders from 200.00 DKK to 130.00 DKK" in status
    said = shop.command("run", "--restate")
    assert (said.code, "corrected: 2 orders from 200.00 DKK to 130.00 DKK" in said.out) == (0, True)
    assert held(shop) == 230
    assert "google, restatements: 2 received" in shop.command("status").out


@pytest.mark.parametrize("row", FORBIDDEN)
def test_to_whom_sending_is_forbidden_now_nothing_is_restated(shop: Shop, row: str) -> None:
    recorded(shop)
    shop.orders(shop.order(total="80.00"))
    if ROWS[row].objection:
        shop.objection(shop.order()["billing_email"])
    shop.orders(shop.order(**{"total": "80.00"} | ROWS[row].change))
    assert restatements(shop.run("--restate")) == {}
    assert len(shop.events("google")) == 1


def test_what_google_has_not_confirmed_is_not_restated(shop: Shop) -> None:
    sent(shop)
    shop.orders(shop.order(total="80.00"))
    said = shop.run("--restate")
    assert restatements(said) == {"not_confirmed": 1}
    assert len(shop.events("google")) == 1


def test_an_order_cancelled_before_it_was_sent_is_never_sent(shop: Shop) -> None:
    waiting(shop)
    shop.orders(shop.order(status="cancelled"))
    assert shop.run("--restate").counts("google") == {"withheld": {"not_completed": 1}}
    assert shop.requests() == 0


def test_full_refunds_are_only_reported_where_the_settings_say_so(shop: Shop) -> None:
    recorded(shop, "1", "2")
    shop.configure(destinations={"google": {"full_refund": "report"}})
    shop.orders(shop.order("1", refunded="100.00"), shop.order("2", refunded="60.00"))
    said = shop.run("--restate")
    assert restatements(said) == {"made": 1, "no_correction": 1}
    assert held(shop) == 140


def test_a_lost_answer_is_sent_again_byte_for_byte_by_a_run_that_is_not_asked(shop: Shop) -> None:
    recorded(shop)
    shop.orders(shop.order(total="80.00"))
    shop.configure(deadline="1s")
    shop.sandbox.use_faults(["lost:google"])
    said = shop.run("--restate")
    assert (said.code, restatements(said)) == (75, {"unknown": 1, "open_restatement": 1})
    assert "google never answered the new values of 1 order: `conversions run`" in shop.command("run", "--yes").err
    shop.configure()
    shop.sandbox.use_faults([])
    shop.orders(shop.order(total="60.00"))
    said = shop.run()
    assert (said.code, restatements(said)) == (0, {"made": 1, "possible": 1})
    restated = shop.events("google")[1:]
    assert (len(set(restated)), held(shop)) == (1, 80)
    assert restatements(shop.run("--restate")) == {"made": 1}
    assert held(shop) == 60
    received = shop.received("google")
    assert (received["distinct"], received["double_counted"]) == (1, 0)


def test_what_google_refuses_later_is_worth_what_it_was_and_said_once(shop: Shop) -> None:
    recorded(shop)
    shop.orders(shop.order(total="80.00"))
    assert shop.run("--restate").code == 0
    shop.sandbox.use_faults(["verdict@1=EVENT_TOO_OLD"])
    shop.wait(hours=1)
    said = shop.run()
    assert said.code == ATTENTION
    assert restatements(said) == {"refused": 1, "refused_before": 1}
    assert shop.states()["google"] == {"recorded": 1}
    assert (said.at("google")["changes"][0]["old"], shop.run("--restate").code) == ("100.00", 0)
    assert lines(shop) == ["first", "restate"]


def test_one_that_is_refused_is_named_and_the_others_are_restated(shop: Shop) -> None:
    recorded(shop, "1", "2", "3")
    shop.orders(*(shop.order(number, total=f"{total}.00") for number, total in (("1", 80), ("2", 70), ("3", 90))))
    (first, *_) = shop.sales("google")
    shop.sandbox.use_faults([f"poison:google={first.reference}"])
    said = shop.run("--restate")
    assert said.code == ATTENTION, said
    assert restatements(said) == {"made": 2, "refused": 1, "refused_before": 1}
    assert (held(shop), shop.states()["google"]) == (260, {"recorded": 3})
    assert lines(shop) == ["first", "restate", "restate"]
    assert shop.run("--restate").code == 0
    assert len(lines(shop)) == 3


def test_killed_anywhere_it_is_restated_once(
    open_shop: OpenShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third transaction from before the first restatement is staged to the run's end."""
    last = 1_000
    for turn in (last, *range(-25, 0, 3)):
        with open_shop(tmp_path / f"{turn}") as shop:
            recorded(shop)
            shop.orders(shop.order(total="80.00"))
            nth = turn if turn > 0 else last + turn
            with killed_at(nth, monkeypatch, committed=turn % 2 == 1) as seen, suppress(Killed):
                shop.run("--restate")
            last = min(last, seen["transactions"])
            assert shop.run("--restate").code == 0
            received, restated = shop.received("google"), shop.events("google")[1:]
            assert (held(shop), received["distinct"], len(set(restated))) == (80, 1, 1), turn
            assert shop.run("--restate").at("google")["changes"] == []
            never_left = len(lines(shop)) - received["requests"]  # killed after the commit, before the first byte
            assert never_left in {0, 1}


class Terminal(io.TextIOWrapper):
    """Somebody sits before it."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_shows_the_plan_and_asks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(shop)
    shop.orders(shop.order(total="80.00"))
    asked: list[str] = []

    def confirm(text: str, **_: object) -> None:
        asked.append(text)
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", confirm)
    monkeypatch.setattr("io.TextIOWrapper", Terminal)
    said = shop.command("run", "--restate")
    assert "would correct 1 order from 100.00 DKK to 80.00 DKK" in said.err
    assert (asked, held(shop)) == (["Send this now?"], 100)
    assert shop.command("run", "--restate", "--yes").code == 0
    assert held(shop) == 80


def lost_restatement(shop: Shop, total: str) -> None:
    """Asked for, sent, and not answered."""
    shop.orders(shop.order(total=total))
    shop.configure(deadline="1s")
    shop.sandbox.use_faults(["lost:google"])
    assert restatements(shop.run("--restate"))["unknown"] == 1
    shop.configure()
    shop.sandbox.use_faults([])


def the_store_holds(shop: Shop) -> tuple[str, int]:
    """The order's state at Google, and its value in whole crowns."""
    ((state, minor),) = shop.sql("SELECT state, value_minor FROM delivery WHERE destination = 1")
    return state, minor // 100


def test_two_restatements_refused_later_leave_the_first_value(shop: Shop) -> None:
    recorded(shop)
    for total in ("80.00", "60.00"):
        shop.orders(shop.order(total=total))
        assert shop.run("--restate").code == 0
        shop.wait(minutes=10)
    shop.sandbox.use_faults(["verdict=INVALID_EVENT"])
    shop.wait(hours=1)
    assert shop.command("reconcile").code == ATTENTION
    assert the_store_holds(shop) == ("recorded", 100)


def test_a_restatement_takes_the_place_of_what_the_platform_held_not_of_what_it_refused(shop: Shop) -> None:
    recorded(shop)
    shop.orders(shop.order(total="80.00"))
    assert shop.run("--restate").code == 0
    lost_restatement(shop, "60.00")
    shop.sandbox.use_faults(["verdict=INVALID_EVENT"])
    shop.wait(hours=1)
    said = shop.run()
    assert the_store_holds(shop) == ("recorded", 60)
    made = said.at("google")["restatements"]["made"]
    assert (Decimal(made["old"]["DKK"]), Decimal(made["new"]["DKK"])) == (Decimal(100), Decimal(60))
    shop.wait(hours=1)
    shop.run()
    assert the_store_holds(shop) == ("recorded", 100)


def test_by_a_clock_that_is_days_off_no_unanswered_restatement_is_sent(shop: Shop) -> None:
    recorded(shop)
    lost_restatement(shop, "80.00")
    sent = len(shop.events("google"))
    shop.sandbox.now = lambda: shop.now - timedelta(days=3)
    assert (shop.run().code, len(shop.events("google"))) == (78, sent)


def test_a_restatement_that_nobody_ever_answered_is_told_once(shop: Shop) -> None:
    recorded(shop)
    lost_restatement(shop, "80.00")
    shop.wait(days=61)
    said = shop.command("run")
    assert said.code == ATTENTION
    assert "google never answered the new values of 1 order" in said.err
    assert shop.status()["restatements"] == {"google": {"maybe_received": 1}}
    assert shop.run().code == 0


def test_refused_when_it_was_sent_again_a_new_value_may_be_there_all_the_same(shop: Shop) -> None:
    recorded(shop)
    lost_restatement(shop, "80.00")
    (first, *_) = shop.sales("google")
    shop.sandbox.use_faults([f"poison:google={first.reference}"])
    assert shop.run().code == ATTENTION
    ((state, unconfirmed),) = shop.sql("SELECT state, unconfirmed FROM revision")
    assert (state, unconfirmed, the_store_holds(shop)) == ("rejected", 1, ("recorded", 100))
    assert shop.status()["restatements"] == {"google": {"maybe_received": 1}}


def test_what_google_may_hold_instead_is_set_right_when_the_shop_takes_its_value_back(shop: Shop) -> None:
    recorded(shop)
    lost_restatement(shop, "80.00")
    (first, *_) = shop.sales("google")
    shop.sandbox.use_faults([f"poison:google={first.reference}"])
    assert "when they were sent again after a lost answer" in shop.command("run").err
    assert held(shop) == 80
    shop.sandbox.use_faults([])
    shop.wait(hours=1)
    shop.orders(shop.order())
    planned = shop.plan()
    assert (restatements(planned), planned.at("google")["changed"]) == ({"possible": 1}, 0)
    assert restatements(shop.run("--restate")) == {"made": 1}
    assert (held(shop), the_store_holds(shop)) == (100, ("recorded", 100))
