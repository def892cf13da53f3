"""What became of the orders later, as Google tells, and what follows from it."""

import json

import pytest

from conversions.sandbox.google import Google
from conversions.sandbox.google_errors import error
from tests.e2e.said import ATTENTION, TRY_AGAIN, Json, Said
from tests.e2e.shop import Shop

OK, REFUSED = 0, 70
TERMS = "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"


def at_google(shop: Shop) -> dict[str, int]:
    return shop.states()["google"]


def night(shop: Shop, *arguments: object) -> Said:
    """The next night's run."""
    shop.wait(days=1)
    return shop.run(*arguments)


def asked(shop: Shop, *arguments: object) -> Json:
    """What ``reconcile`` says of Google, an hour later."""
    shop.wait(hours=1)
    said = shop.command("reconcile", "--json", *arguments)
    found: Json = said.json["destinations"]["google"]
    assert said.json["exit_code"] == said.code
    return found


def send(shop: Shop, count: int, *faults: str) -> None:
    """Tonight's orders are sent; from now on Google says what *faults* say."""
    shop.orders(*(shop.order(str(1000 + i)) for i in range(count)))
    assert shop.run().code == OK
    shop.sandbox.use_faults(faults)


def mended(shop: Shop, decision: str = "send") -> Said:
    """Somebody has mended Google's account, and decides on all that waits for it."""
    return shop.command("decide", decision, "--all", "--destination", "google", "--reason", "the terms are accepted")


def waiting(shop: Shop, state: str) -> dict[str, list[str]]:
    """What ``decide`` lists of Google's orders in *state*, with the choices."""
    listed = json.loads(shop.command("decide", "--json", "--destination", "google").out)
    return {one["order"]: one["choices"] for one in listed if one["state"] == state}


def leaves(shop: Shop, kind: str) -> list[str]:
    return [body for (body,) in shop.sql("SELECT body FROM leaf WHERE body LIKE ? ORDER BY seq", f'%"kind":"{kind}"%')]


def test_an_order_without_an_error_is_recorded(shop: Shop) -> None:
    send(shop, 3)
    assert at_google(shop) == {"received": 3}
    assert shop.status()["late"] == {"google": {"open": 3}}
    found = asked(shop)
    assert (found["asked"], found["moved"], found["open"], found["exit_code"]) == (1, {"recorded": 3}, 0, OK)
    assert (at_google(shop), shop.states()["meta"]) == ({"recorded": 3}, {"received": 3})
    assert shop.status()["late"] == {}


def test_nothing_is_asked_before_half_an_hour_has_passed_nor_twice_for_the_same(shop: Shop) -> None:
    send(shop, 1)
    shop.wait(minutes=29)
    assert shop.command("reconcile", "--json").json["destinations"]["google"]["asked"] == 0
    assert asked(shop)["asked"] == 1
    assert asked(shop)["asked"] == 0


def test_every_run_asks_before_it_sends_and_unmatched_is_normal(shop: Shop) -> None:
    send(shop, 40, "verdict@0.5=CLICK_NOT_FOUND")
    said = night(shop)
    assert said.code == OK
    states = at_google(shop)
    assert states["unmatched"] + states["recorded"] == 40
    assert 8 <= states["unmatched"] <= 32
    assert said.at("google")["late_verdicts"]["moved"] == states
    assert said.counts("google") == {"already_sent": 40}
    assert len(shop.events("google")) == 40


def test_the_questions_are_logged_before_they_leave_and_every_answer_after(shop: Shop) -> None:
    send(shop, 1)
    assert asked(shop)["asked"] == 1
    [announced], [diagnosed] = leaves(shop, "diagnostics asked"), leaves(shop, "diagnosis")
    assert '"requests":[1]' in announced
    assert '"moved":{"recorded":1}' in diagnosed


@pytest.mark.parametrize("reason", ["DUPLICATE_TRANSACTION_ID", "DUPLICATE_GCLID"])
def test_what_google_already_holds_is_a_duplicate(shop: Shop, reason: str) -> None:
    send(shop, 2, f"verdict={reason}")
    assert (asked(shop)["moved"], at_google(shop)) == ({"duplicate": 2}, {"duplicate": 2})


def test_a_duplicate_of_our_own_lost_request_is_recorded(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.sandbox.use_faults(["lost:googlex1"])
    assert shop.run().code == OK
    shop.sandbox.use_faults(["verdict=DUPLICATE_TRANSACTION_ID"])
    assert asked(shop)["moved"] == {"recorded": 1}
    assert shop.received("google")["distinct"] == 1


@pytest.mark.parametrize(("reason", "hours"), [("TOO_RECENT_CLICK", 6), ("INTERNAL_ERROR", 1)])
def test_what_google_could_not_take_yet_is_sent_again_once_it_can(shop: Shop, reason: str, hours: int) -> None:
    send(shop, 2, f"verdict={reason}")
    first = shop.events("google")
    assert (asked(shop)["moved"], at_google(shop)) == ({"deferred": 2}, {"deferred": 2})
    shop.wait(hours=hours, seconds=-1)
    assert shop.run().counts("google") == {"deferred": 2}
    shop.sandbox.use_faults([])
    shop.wait(seconds=1)
    assert shop.run().counts("google") == {"sent": 2}
    assert shop.events("google") == [*first, *first]
    assert shop.received("google")["double_counted"] == 0
    assert (asked(shop)["moved"], at_google(shop)) == ({"recorded": 2}, {"recorded": 2})


def test_a_night_reaches_back_to_what_was_put_off_however_long_ago_it_was_read(shop: Shop) -> None:
    shop.orders(shop.order(purchased_at=f"{shop.day(7)} 12:00:00"))
    assert shop.run().code == OK
    shop.sandbox.use_faults(["verdict=TOO_RECENT_CLICK"])
    night(shop)
    assert at_google(shop) == {"deferred": 1}
    shop.sandbox.use_faults([])
    shop.wait(days=5)
    assert night(shop).counts("google") == {"sent": 1}


def test_what_is_rejected_for_good_is_named_and_news_once(shop: Shop) -> None:
    send(shop, 2, "verdict=DENIED_CONSENT")
    shop.wait(days=1)
    said = shop.command("run")
    assert said.code == ATTENTION
    assert "late results: 2 rejected" in said.out
    assert "google refused 2 orders after it had received them" in said.err
    assert at_google(shop) == {"rejected": 2}
    problems = [p for p in shop.status()["problems"] if p["destination"] == "google"]
    assert {(p["reason"], p["detail"]) for p in problems} == {("refused_later", "DENIED_CONSENT")}
    assert night(shop).code == OK
    assert len(shop.events("google")) == 2


def test_a_rejected_order_whose_row_was_mended_is_sent_anew(shop: Shop) -> None:
    send(shop, 1, "verdict=INVALID_EVENT")
    assert night(shop).code == ATTENTION
    shop.sandbox.use_faults([])
    shop.orders(shop.order("1000", product_ids="SKU-2", purchased_at=f"{shop.day(3)} 12:00:00"))
    assert shop.run().counts("google") == {"sent": 1}


def test_an_account_that_takes_nothing_stops_its_destination_until_a_person_decides(shop: Shop) -> None:
    send(shop, 3, f"verdict={TERMS}")
    for _ in range(2):
        shop.orders(*(shop.order(str(1000 + i)) for i in range(3)), shop.order("2000"))
        said = night(shop)
        assert said.code == REFUSED
        assert (said.at("google")["exit_code"], said.at("meta")["exit_code"]) == (REFUSED, OK)
        stopped = said.at("google")["stopped"]
        assert "customer data terms" in stopped
        assert "conversions decide send --all --destination google" in stopped
    assert len(shop.events("google")) == 3
    assert at_google(shop) == {"rejected": 3, "pending": 1}
    said = shop.command("reconcile")
    assert said.code == REFUSED
    assert "customer data terms" in said.err
    assert "customer data terms" in shop.plan().at("google")["stopped"]

    shop.sandbox.use_faults([])
    assert mended(shop).code == OK
    assert night(shop).counts("google") == {"sent": 4}
    assert shop.received("google")["double_counted"] == 0


def test_a_reason_of_the_account_on_half_of_a_request_stops_nothing(shop: Shop) -> None:
    send(shop, 40, "verdict@0.3=NO_CONSENT")
    said = night(shop)
    assert said.code == ATTENTION
    assert said.at("google")["stopped"] is None
    assert {p["reason"] for p in shop.status()["problems"]} == {"refused_later"}


def test_counts_without_positions_leave_the_orders_received_for_good(shop: Shop) -> None:
    send(shop, 20, "verdict@0.5=CLICK_NOT_FOUND", "counts-only")
    found = asked(shop)
    assert (found["moved"], found["counts_only"], found["open"]) == ({}, 20, 0)
    assert at_google(shop) == {"received": 20}
    assert shop.status()["late"] == {"google": {"counts_only": 20}}
    assert asked(shop)["asked"] == 0


def test_a_count_of_all_orders_says_of_each_what_became_of_it(shop: Shop) -> None:
    send(shop, 3, "verdict=INVALID_EVENT", "counts-only")
    said = night(shop)
    assert said.code == ATTENTION
    assert said.at("google")["late_verdicts"]["rejected"] == {"INVALID_EVENT": 3}
    assert (at_google(shop), shop.status()["late"]) == ({"rejected": 3}, {})


def test_an_account_that_takes_nothing_and_names_no_order_waits_for_the_same_decision(shop: Shop) -> None:
    send(shop, 3, f"verdict={TERMS}", "counts-only")
    assert night(shop).code == REFUSED
    assert at_google(shop) == {"rejected": 3}
    shop.sandbox.use_faults([])
    assert mended(shop).out == "send: 3 orders at google.\n"
    assert night(shop).counts("google") == {"sent": 3}


def test_where_it_is_not_said_which_orders_the_account_did_not_take_all_of_them_wait_for_a_decision(shop: Shop) -> None:
    send(shop, 40, f"verdict@0.7={TERMS}", "counts-only")
    for _ in range(3):
        shop.orders(*(shop.order(str(1000 + i)) for i in range(41)))
        said = night(shop)
        assert said.code == REFUSED
        assert "google did not take 40 orders, or most of them" in said.at("google")["stopped"]
    assert shop.plan().at("google")["stopped"] == said.at("google")["stopped"]
    assert (at_google(shop), len(shop.events("google"))) == ({"received": 40, "pending": 1}, 40)
    assert shop.status()["late"] == {"google": {"counts_only": 40}}
    assert waiting(shop, "received") == {str(1000 + i): ["send", "acknowledge"] for i in range(40)}

    shop.sandbox.use_faults([])
    assert mended(shop).out == "send: 40 orders at google.\n"
    assert "No order waits" in shop.command("decide").out
    assert night(shop).counts("google") == {"sent": 41}
    assert sorted(shop.events("google")[:40]) == sorted(set(shop.events("google")[40:80]))
    assert (shop.received("google")["distinct"], shop.received("google")["double_counted"]) == (41, 0)
    assert asked(shop)["moved"] == {"recorded": 41}


def test_acknowledged_they_stay_received_and_stop_nothing_any_more(shop: Shop) -> None:
    send(shop, 40, f"verdict@0.7={TERMS}", "counts-only")
    assert night(shop).code == REFUSED
    shop.sandbox.use_faults([])
    assert mended(shop, "acknowledge").out == "acknowledge: 40 orders at google.\n"
    assert night(shop).counts("google") == {"already_sent": 40}
    assert shop.run().code == OK
    assert at_google(shop) == {"received": 40}


def test_an_order_that_is_too_old_by_now_does_not_stop_its_destination(shop: Shop) -> None:
    shop.orders(shop.order("1", purchased_at=f"{shop.day(58)} 12:00:00"), shop.order("2"))
    assert shop.run("--since", shop.day(59), "--until", shop.day(1)).code == OK
    shop.sandbox.use_faults([f"verdict={TERMS}"])
    assert night(shop).code == REFUSED
    shop.wait(days=3)
    assert waiting(shop, "rejected") == {"1": ["acknowledge"], "2": ["send", "acknowledge"]}
    assert "did not take 1 orders" in shop.plan().at("google")["stopped"]
    shop.sandbox.use_faults([])
    assert mended(shop).out == "send: 1 orders at google.\n"
    assert night(shop).counts("google")["sent"] == 1
    assert night(shop).code == OK
    assert waiting(shop, "rejected") == {"1": ["acknowledge"]}


def test_who_may_upload_and_not_ask_is_told_in_every_run_and_sends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    send(shop, 1)
    monkeypatch.setattr(Google, "status", lambda *_: error(403, "PERMISSION_DENIED", "No."))
    for count in (2, 3):
        shop.orders(*(shop.order(str(1000 + i)) for i in range(count)))
        said = night(shop)
        assert said.code == ATTENTION
        assert said.counts("google") == {"already_sent": count - 1, "sent": 1}
        late = said.at("google")["late_verdicts"]
        assert late["exit_code"] == ATTENTION
        assert "may not ask what became of earlier requests (403/PERMISSION_DENIED)" in late["trouble"]
        assert "access Standard" in late["trouble"]
    shop.wait(days=1)
    alone = shop.command("reconcile")
    assert (alone.code, alone.err) == (ATTENTION, late["trouble"] + "\n")


def test_what_is_still_processed_is_asked_again_and_at_last_given_up(shop: Shop) -> None:
    send(shop, 1, "processing")
    for _ in range(49):
        assert asked(shop)["open"] == 1
        shop.wait(hours=23)
    assert asked(shop)["open"] == 0
    assert at_google(shop) == {"received": 1}
    assert shop.status()["late"] == {"google": {"too_old": 1}}
    assert shop.sql("SELECT verdict, ask_at FROM request WHERE destination = 1") == [("too_old", None)]


def test_a_request_that_google_does_not_know_is_given_up_after_a_day(shop: Shop) -> None:
    send(shop, 1)
    shop.sandbox.reset()
    assert asked(shop)["open"] == 1
    shop.wait(days=1)
    said = shop.command("run")
    assert said.code == ATTENTION
    assert "requests with 1 order failed or are unknown there" in said.out + said.err
    assert shop.status()["late"] == {"google": {"not_found": 1}}
    assert shop.run().code == OK


def test_where_nobody_answers_the_night_goes_on_and_the_next_asks_again(shop: Shop) -> None:
    send(shop, 1, "no-verdicts")
    shop.orders(shop.order("1000"), shop.order("2000"))
    said = night(shop)
    assert said.code == OK
    assert "503" in said.at("google")["late_verdicts"]["trouble"]
    assert said.counts("google") == {"already_sent": 1, "sent": 1}
    shop.wait(hours=1)
    alone = shop.command("reconcile")
    assert alone.code == TRY_AGAIN
    assert "the next run asks again" in alone.err
    shop.sandbox.use_faults([])
    assert night(shop).at("google")["late_verdicts"]["moved"] == {"recorded": 2}


def test_an_order_that_changed_meanwhile_does_not_move(shop: Shop) -> None:
    send(shop, 1, "verdict=DENIED_CONSENT")
    shop.sql("UPDATE delivery SET state = 'erased' WHERE destination = 1")
    assert asked(shop)["moved"] == {}
    assert at_google(shop) == {"erased": 1}


def test_reconcile_asks_nothing_while_another_run_holds_the_store_and_sends_nothing_itself(shop: Shop) -> None:
    shop.orders(shop.order())
    assert shop.command("reconcile").code == OK
    assert shop.requests() == 0


def test_a_restatement_that_is_rejected_later_leaves_the_order_and_its_value_as_they_were(shop: Shop) -> None:
    send(shop, 1)
    assert asked(shop)["moved"] == {"recorded": 1}
    shop.orders(shop.order("1000", total="80.00"))
    assert shop.run("--restate").at("google")["restated"] == 1
    shop.sandbox.use_faults(["verdict=INVALID_EVENT"])
    found = asked(shop)
    assert (found["moved"], found["rejected"], found["exit_code"]) == ({}, {"INVALID_EVENT": 1}, ATTENTION)
    assert at_google(shop) == {"recorded": 1}
    assert shop.sql("SELECT state, detail FROM revision") == [("rejected", "INVALID_EVENT")]
    assert shop.sql("SELECT value_minor FROM delivery WHERE destination = 1") == [(10000,)]
    assert shop.plan().at("google")["changed"] == 1


def test_a_restatement_that_google_took_keeps_the_new_value(shop: Shop) -> None:
    send(shop, 1)
    assert asked(shop)["moved"] == {"recorded": 1}
    shop.orders(shop.order("1000", total="80.00"))
    shop.run("--restate")
    assert asked(shop)["moved"] == {}
    assert shop.sql("SELECT value_minor FROM delivery WHERE destination = 1") == [(8000,)]
    assert shop.status()["late"] == {}


def restated(shop: Shop, *faults: str) -> None:
    """The value of order 1000 was told anew; from now on Google says what *faults* say."""
    send(shop, 1)
    assert asked(shop)["moved"] == {"recorded": 1}
    shop.orders(shop.order("1000", total="80.00"))
    assert shop.run("--restate").at("google")["restated"] == 1
    shop.sandbox.use_faults(faults)


def test_a_restatement_that_failed_without_a_position_is_rejected_all_the_same(shop: Shop) -> None:
    restated(shop, "verdict=INVALID_EVENT", "counts-only")
    assert asked(shop)["rejected"] == {"INVALID_EVENT": 1}
    assert shop.sql("SELECT state, detail FROM revision") == [("rejected", "INVALID_EVENT")]
    assert shop.sql("SELECT value_minor FROM delivery WHERE destination = 1") == [(10000,)]


@pytest.mark.parametrize("also", [(), ("counts-only",)])
def test_a_restatement_that_the_account_did_not_take_stops_its_destination_until_a_person_decides(
    shop: Shop, also: tuple[str, ...]
) -> None:
    restated(shop, f"verdict={TERMS}", *also)
    bought = f"{shop.day(2)} 12:00:00"
    for _ in range(2):
        shop.orders(shop.order("1000", total="80.00", purchased_at=bought), shop.order("2000"))
        assert night(shop).code == REFUSED
    assert at_google(shop) == {"recorded": 1, "pending": 1}
    assert waiting(shop, "recorded") == {"1000": ["send", "acknowledge"]}
    shop.sandbox.use_faults([])
    said = mended(shop)
    assert said.out == "send: 1 orders at google.\n"
    assert "`conversions run --restate`" in said.err
    said = night(shop, "--restate")
    assert (said.code, said.counts("google")["sent"], said.at("google")["restated"]) == (OK, 1, 1)
    assert shop.sql("SELECT value_minor FROM delivery WHERE destination = 1 ORDER BY id LIMIT 1") == [(8000,)]
