"""``status`` says why the last run ended as it did, until when orders can wait, and what to type next."""

from datetime import datetime

import pytest

from tests.e2e.conftest import Door
from tests.e2e.said import CREDENTIALS, NO_INPUT, TRY_AGAIN, Json
from tests.e2e.shop import ZONE, Shop


def last(shop: Shop) -> Json:
    story: Json = shop.status()["last_run"]
    return story


def test_a_new_store_says_what_to_type(shop: Shop) -> None:
    status = shop.status()
    assert (status["last_run"], status["next"]) == (None, "conversions plan")


def test_a_run_that_ended_well_leaves_nothing_to_do(shop: Shop) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    assert (last(shop)["exit_code"], last(shop)["next"]) == (0, None)
    assert (
        f"ended with exit 0, {shop.now.astimezone(ZONE):%Y-%m-%d %H:%M} Europe/Copenhagen."
        in shop.command("status").out
    )


def test_a_refused_credential_is_named_with_the_deadline_and_the_command(shop: Shop) -> None:
    shop.sandbox.use_faults(["expired-token:meta"])
    shop.orders(shop.order("1"), shop.order("2"))
    said = shop.run()
    assert (said.code, said.json["next"]) == (CREDENTIALS, "conversions run")
    assert said.json["sentence"] == last(shop)["sentence"]
    text = shop.command("status").out
    assert "meta refuses the credentials" in text
    assert "2 orders wait for meta. Send before 2026-11-27 17:59 Europe/Copenhagen" in text
    (waiting,) = shop.status()["waiting"]
    assert datetime.fromisoformat(waiting["first_too_old"]) == datetime(2026, 11, 27, 17, 59, 59, tzinfo=ZONE)


def test_a_run_without_orders_does_not_say_that_all_is_accounted_for(shop: Shop) -> None:
    shop.orders()
    assert shop.run().code == 0
    assert last(shop)["sentence"] == "Nothing was sent: the shop's data have no order of these days."


def test_an_error_just_after_a_good_run_is_not_told_of_that_run(shop: Shop) -> None:
    orders = shop.orders(shop.order())
    assert shop.run().code == 0
    orders.unlink()
    assert shop.run().code == NO_INPUT
    assert (last(shop)["exit_code"], last(shop)["run"]) == (NO_INPUT, None)


@pytest.mark.parametrize("earlier", [False, True])
def test_a_run_that_never_began_is_the_last_one(shop: Shop, earlier: bool) -> None:
    shop.store.parent.mkdir(mode=0o700)  # as `init` does
    orders = shop.orders(shop.order())
    if earlier:
        assert shop.run().code == 0
    orders.unlink()
    shop.wait(days=1)
    said = shop.run()
    assert (said.code, said.json["next"]) == (NO_INPUT, last(shop)["next"])
    assert (last(shop)["exit_code"], last(shop)["run"]) == (NO_INPUT, None)
    assert last(shop)["sentence"] == said.json["sentence"]
    shop.orders(shop.order())
    shop.wait(minutes=1)
    assert shop.run().code == 0
    assert (last(shop)["state"], last(shop)["exit_code"]) == ("finished", 0)


def test_a_run_under_way_is_no_killed_run(gated: Shop, door: Door) -> None:
    gated.orders(gated.order())
    running = gated.start("run")
    door.await_both(running)
    assert (last(gated)["state"], last(gated)["next"]) == ("under_way", None)
    assert "under way" in gated.command("status").out
    running.kill()
    running.communicate()
    assert (last(gated)["state"], last(gated)["next"]) == ("killed", "conversions run")
    assert "killed" in gated.command("status").out


def test_a_refused_order_has_platform_code_and_remedy(shop: Shop) -> None:
    shop.sandbox.use_faults(["poison:meta=SKU-BAD"])
    shop.orders(shop.order("1", product_ids="SKU-BAD"), shop.order("2"), shop.order("3"))
    said = shop.command("run")
    assert "meta refused 1 order: `conversions status` says which, why and what to do." in said.err
    (problem,) = shop.status()["problems"]
    assert (problem["destination"], problem["order_no"]) == ("meta", "1")
    assert "Correct the order in the shop" in problem["remedy"]
    assert f"meta, refused by the platform ({problem['detail']}): {problem['remedy']}" in shop.command("status").out
    assert shop.status()["next"] == "conversions decide"


def test_changes_are_counted_from_the_last_run_of_an_earlier_day(shop: Shop) -> None:
    shop.orders(shop.order("1"), shop.order("2"))
    assert shop.run().code == 0
    assert shop.status()["since_yesterday"] is None
    shop.wait(days=1)
    shop.sandbox.use_faults(["poison:meta=SKU-BAD"])
    shop.orders(*(shop.order(n) for n in "12345"), shop.order("6", product_ids="SKU-BAD"))
    assert shop.run().code == 1
    changed = shop.status()["since_yesterday"]
    assert (changed["run"], changed["new_problems"]) == (1, 1)
    assert changed["states"]["meta"] == {"quarantined": 1, "received": 3}
    assert "meta: +1 quarantined, +3 received" in shop.command("status").out


def test_a_platform_that_is_down_leaves_the_next_run_to_go_on(shop: Shop) -> None:
    shop.sandbox.use_faults(["503"])
    shop.configure(deadline="1s")
    shop.orders(shop.order())
    assert shop.run().code == TRY_AGAIN
    assert (last(shop)["exit_code"], last(shop)["next"]) == (TRY_AGAIN, "conversions run")
