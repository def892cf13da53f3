"""What needs a person is told by the first run that reports, whichever run met it; and by no later one."""

from contextlib import suppress

import pytest

from tests.e2e.said import ATTENTION, TRY_AGAIN, Json
from tests.e2e.shop import Shop
from tests.e2e.test_killed import Killed, killed_at
from tests.e2e.test_reconcile import night, send

META = {"google": None, "meta": {"action_source": "website", "event_source_url": "https://shop.example/"}}


def told_once(shop: Shop, platform: str, what: str) -> None:
    said = shop.run()
    needs: Json = said.at(platform)["needs_a_person"]
    assert (said.code, needs[what]) == (ATTENTION, 1), said
    shop.wait(hours=1)
    assert shop.run().code == 0


def lost(shop: Shop) -> None:
    """An order whose answer is lost, and whose window closes in two days."""
    shop.orders(shop.order("1", purchased_at=f"{shop.day(1)} 12:00:00"))
    shop.configure(deadline="1s", destinations=META)
    shop.sandbox.use_faults(["lost:meta"])
    assert shop.run().code == TRY_AGAIN
    shop.sandbox.use_faults([])


def test_a_window_that_closed_while_the_source_could_not_be_read(shop: Shop) -> None:
    lost(shop)
    orders = shop.home / "orders" / "orders.csv"
    orders.rename(shop.home / "kept.csv")
    for _ in range(3):
        assert night(shop).code not in {0, ATTENTION}
    (shop.home / "kept.csv").rename(orders)
    told_once(shop, "meta", "undecided")


def test_a_window_that_closed_while_only_the_other_destination_was_sent_to(shop: Shop) -> None:
    lost(shop)
    shop.configure()
    shop.wait(days=3)
    assert shop.run("--destination", "google").code == 0
    shop.configure(destinations=META)
    told_once(shop, "meta", "undecided")


def test_a_late_refusal_that_a_run_learned_whose_source_was_half_written(shop: Shop) -> None:
    row = shop.order("1000")
    send(shop, 1, "verdict=DENIED_CONSENT")
    shop.wait(days=1)
    shop.orders(row, hours_ago=0)
    assert shop.run().code == TRY_AGAIN
    assert shop.states()["google"] == {"rejected": 1}
    shop.wait(hours=1)
    told_once(shop, "google", "rejected")


def test_a_late_refusal_that_reconcile_told(shop: Shop) -> None:
    send(shop, 1, "verdict=DENIED_CONSENT")
    shop.wait(hours=1)
    assert shop.command("reconcile").code == ATTENTION
    assert shop.run().code == 0


@pytest.mark.parametrize(
    ("fault", "state", "what"),
    [("poison:google=SKU-BAD", "quarantined", "refused"), ("verdict=DENIED_CONSENT", "rejected", "rejected")],
)
def test_what_a_run_met_that_was_killed_then(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: str, state: str, what: str
) -> None:
    shop.orders(shop.order("1", product_ids="SKU-BAD"), shop.order("2"), shop.order("3"))
    if what == "rejected":
        assert shop.run().code == 0
        shop.wait(hours=1)
    shop.sandbox.use_faults([fault])
    for nth in range(1, 60):
        with killed_at(nth, monkeypatch, committed=True), suppress(Killed):
            shop.run()
        if shop.sql("SELECT 1 FROM delivery WHERE state = ?", state):
            break
    assert shop.sql("SELECT report FROM run ORDER BY id DESC LIMIT 1") == [(None,)]
    assert shop.command("reconcile").code == 0  # which tells what it learns, and no more
    said = shop.run()
    assert (said.code, said.at("google")["needs_a_person"][what] > 0) == (ATTENTION, True), said
    assert shop.run().code == 0
