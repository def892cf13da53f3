"""What waits for a person, what the person decides, and what the next run makes of it."""

import json

import pytest

from tests.e2e.said import ATTENTION, CONFIG, DOMAIN, USAGE, Json, Said
from tests.e2e.shop import Shop

OK, WHY = 0, ("--reason", "talked to the platform")


def waiting(shop: Shop) -> list[Json]:
    """What ``decide`` lists."""
    said = shop.command("decide", "--json")
    assert said.code == OK
    found: list[Json] = json.loads(said.out)
    return found


def choices(shop: Shop) -> dict[tuple[str, str], list[str]]:
    return {(one["destination"], one["order"]): one["choices"] for one in waiting(shop)}


def decide(shop: Shop, *arguments: object, stdin: str = "") -> Said:
    return shop.command("decide", *arguments, *WHY, stdin=stdin)


def lose_at_meta(shop: Shop, *numbers: str) -> None:
    """Meta takes the orders and says nothing, and the run has no time to ask again."""
    shop.configure(destinations={"meta": {"resend_unknown": "ask"}})
    shop.orders(*(shop.order(number) for number in numbers))
    shop.sandbox.use_faults(["lost:meta"])
    shop.run()
    shop.sandbox.use_faults([])
    assert shop.states()["meta"] == {"unknown": len(numbers)}


def test_an_unanswered_order_is_sent_again_in_the_same_run(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.sandbox.use_faults(["lost:metax1"])
    assert shop.run().code == OK
    first, second = shop.events("meta")
    assert first == second
    assert (shop.received("meta")["double_counted"], shop.received("meta")["distinct"]) == (0, 1)
    assert waiting(shop) == []


def test_an_unanswered_order_is_sent_again_by_the_next_run_inside_the_window_and_not_after(shop: Shop) -> None:
    shop.configure(destinations={"meta": {"action_source": "website", "event_source_url": "https://shop.example/"}})
    shop.orders(shop.order(purchased_at=f"{shop.day(1)} 12:00:00"))
    shop.sandbox.use_faults(["lost:meta"])
    shop.run()
    sent = len(shop.events("meta"))
    shop.wait(hours=46)
    shop.run()
    assert len(shop.events("meta")) > sent
    sent = len(shop.events("meta"))
    shop.wait(hours=2)
    shop.sandbox.use_faults([])
    shop.run()
    assert len(shop.events("meta")) == sent
    assert choices(shop) == {("meta", "1001"): ["send", "give-up"]}
    assert shop.received("meta")["double_counted"] == 0


def test_with_ask_nothing_unanswered_is_sent_again_until_it_is_decided(shop: Shop) -> None:
    lose_at_meta(shop, "1", "2")
    assert len(shop.events("meta")) == 2
    assert choices(shop) == {("meta", number): ["send", "give-up"] for number in ("1", "2")}
    shop.wait(hours=1)
    assert shop.run().counts("meta") == {"unknown": 2}
    said = decide(shop, "send", "1", "--destination", "meta")
    assert said.code == OK
    assert "may count twice" in said.err
    assert choices(shop) == {("meta", "2"): ["send", "give-up"]}
    shop.run()
    assert shop.states()["meta"] == {"received": 1, "unknown": 1}
    events = shop.events("meta")
    assert events[2] in events[:2]
    assert shop.received("meta")["distinct"] == 2


def test_an_order_without_an_answer_that_waits_for_a_decision_is_news_once(shop: Shop) -> None:
    shop.configure(destinations={"meta": {"resend_unknown": "ask"}})
    shop.orders(shop.order())
    shop.sandbox.use_faults(["lost:metax1"])
    first = shop.run()
    assert first.at("meta")["needs_a_person"]["undecided"] == 1
    shop.wait(hours=1)
    assert shop.run().at("meta")["needs_a_person"]["undecided"] == 0


def test_what_was_decided_holds_for_one_attempt_that_may_arrive(shop: Shop) -> None:
    lose_at_meta(shop, "1")
    assert decide(shop, "send", "--all", "--destination", "meta").code == OK
    shop.sandbox.use_faults(["429:metax1=1", "lost:meta"])
    shop.run()
    assert [len(shop.events("meta")), shop.received("meta")["events"]] == [3, 2]
    assert choices(shop) == {("meta", "1"): ["send", "give-up"]}


def test_a_decided_order_whose_answer_is_lost_again_is_news_again(shop: Shop) -> None:
    lose_at_meta(shop, "1")
    shop.wait(hours=1)
    assert decide(shop, "send", "--all", "--destination", "meta").code == OK
    shop.sandbox.use_faults(["lost:meta"])
    said = shop.run()
    assert said.at("meta")["needs_a_person"]["undecided"] == 1
    shop.wait(hours=1)
    assert shop.run().at("meta")["needs_a_person"]["undecided"] == 0


def test_an_order_that_is_given_up_may_have_been_received_and_is_never_sent_again(shop: Shop) -> None:
    lose_at_meta(shop, "1")
    assert decide(shop, "give-up", "--all", "--destination", "meta").code == OK
    assert waiting(shop) == []
    shop.wait(hours=1)
    said = shop.run()
    assert said.counts("meta") == {"withheld": {"maybe_received": 1}}
    assert len(shop.events("meta")) == 1


def test_who_objects_is_not_sent_whatever_was_decided(shop: Shop) -> None:
    lose_at_meta(shop, "1")
    assert decide(shop, "send", "--all", "--destination", "meta").code == OK
    shop.objection(f"ida.1@{DOMAIN}")
    shop.run()
    assert len(shop.events("meta")) == 1
    assert shop.states()["meta"] == {"withheld": 1}


def test_an_order_past_the_age_limit_can_only_be_given_up(shop: Shop) -> None:
    lose_at_meta(shop, "1")
    shop.wait(days=9)
    assert choices(shop) == {("meta", "1"): ["give-up"]}
    assert decide(shop, "send", "1", "--destination", "meta").code == USAGE


def test_what_was_acknowledged_is_counted_and_not_listed(shop: Shop) -> None:
    shop.orders(shop.order("1", product_ids="SKU-BAD"), shop.order("2", currency="XXX"))
    shop.sandbox.use_faults(["poison:google=SKU-BAD"])
    shop.configure(destinations={"meta": None})
    assert shop.run().code == ATTENTION
    assert choices(shop) == {("google", number): ["acknowledge"] for number in ("1", "2")}
    assert decide(shop, "acknowledge", stdin="1\n2\n").code == OK
    for _ in range(2):
        assert waiting(shop) == []
        status = shop.status()
        assert (status["problems"], status["acknowledged"]) == ([], 2)
        shop.wait(hours=1)
        assert shop.run().code == OK
    shop.orders(shop.order("1", product_ids="SKU-BAD SKU-3"), shop.order("2", currency="XXX"))
    shop.run()
    assert choices(shop) == {("google", "1"): ["acknowledge"]}


def test_a_decision_is_logged_with_its_reason_and_who_took_it(shop: Shop) -> None:
    lose_at_meta(shop, "1", "2")
    decide(shop, "give-up", "--all", "--destination", "meta")
    [(body,)] = shop.sql('SELECT body FROM leaf WHERE body LIKE \'%"kind":"decision"%\'')
    leaf = json.loads(body)
    assert (leaf["decision"], leaf["orders"], leaf["reason"]) == ("give-up", 2, WHY[1])
    assert leaf["operator"]
    assert shop.run().code != CONFIG


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("send", "1", "--destination", "meta"), "--reason"),
        (("send", "1", *WHY), "--destination"),
        (("send", "--destination", "meta", *WHY), "--all"),
        (("send", "nobody's", "--destination", "meta", *WHY), "nobody's"),
        (("acknowledge", "1", "--destination", "meta", *WHY), "not a choice"),
        (("send", "1", "--destination", "nowhere", *WHY), "nowhere"),
        (("send", "1", "--destination", "meta", "--reason", f"ida@{DOMAIN} called"), "e-mail address"),
    ],
)
def test_what_makes_no_sense_changes_nothing(shop: Shop, arguments: tuple[str, ...], word: str) -> None:
    lose_at_meta(shop, "1")
    before = shop.sql("SELECT state, decision, acknowledged_us FROM delivery")
    said = shop.command("decide", *arguments)
    assert said.code == USAGE
    assert word in said.err
    assert shop.sql("SELECT state, decision, acknowledged_us FROM delivery") == before


def test_for_a_person_the_list_is_a_table(shop: Shop) -> None:
    lose_at_meta(shop, "1")
    said = shop.command("decide")
    assert "send | give-up" in said.out
    decide(shop, "give-up", "--all", "--destination", "meta")
    assert shop.command("decide").out == "No order waits for a decision.\n"
