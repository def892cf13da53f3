"""Another key, account or shop under a known name stops every run, until somebody answers for it."""

import json
from datetime import timedelta

import pytest

from tests.e2e.said import KEY, TOKEN
from tests.e2e.shop import Shop

OTHER = "7a" * 32
REASON = ("--reason", "the dataset was merged")


def leaves(shop: Shop, kind: str) -> list[dict[str, object]]:
    bodies = [json.loads(body) for (body,) in shop.sql("SELECT body FROM leaf ORDER BY seq")]
    return [body for body in bodies if body["kind"] == kind]


def sent_once(shop: Shop) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0


CHANGES = {
    "key": ("--key",),
    "shop": ("--shop",),
    "destination meta": ("--destination", "meta"),
}


def changed(shop: Shop, name: str) -> None:
    match name:
        case "key":
            shop.secrets(CONVERSIONS_KEY=OTHER, CONVERSIONS_META__ACCESS_TOKEN=TOKEN)
        case "shop":
            shop.configure(shop="outlet")
        case _:
            shop.configure(destinations={"meta": {"dataset_id": "777"}})


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_stops_the_run_with_the_command_that_accepts_it(shop: Shop, name: str) -> None:
    sent_once(shop)
    before = shop.requests()
    changed(shop, name)

    for command in ("run", "plan"):
        said = shop.command(command)
        assert said.code == 78
        assert f"conversions adopt {' '.join(CHANGES[name])} --reason" in said.err
    assert shop.requests() == before


@pytest.mark.parametrize("name", CHANGES)
def test_an_adoption_is_logged_says_what_it_means_and_lets_runs_go_on(shop: Shop, name: str) -> None:
    sent_once(shop)
    changed(shop, name)

    said = shop.command("adopt", *CHANGES[name], *REASON)

    assert said.code == 0, said
    assert f"{name} was " in said.err
    (leaf,) = [leaf for leaf in leaves(shop, "pin changed") if leaf["pin"] == name]
    assert leaf["reason"] == REASON[1]
    assert leaf["old"] != leaf["new"]
    before = shop.requests()
    assert shop.run().code == 0
    again = 2 if name == "shop" else 0  # under another name the order is another one, and that was said
    assert shop.requests() - before == again
    assert shop.command("audit", "verify").code == 0


def test_a_lost_key_is_not_adopted_over_the_heads_of_those_who_objected(shop: Shop) -> None:
    sent_once(shop)
    shop.objection("ida.9@example.com")
    changed(shop, "key")

    said = shop.command("adopt", "--key", *REASON)

    assert said.code == 78
    assert "CONVERSIONS_FORMER_KEYS" in said.err
    shop.secrets(CONVERSIONS_KEY=OTHER, CONVERSIONS_FORMER_KEYS=KEY, CONVERSIONS_META__ACCESS_TOKEN=TOKEN)
    assert shop.command("adopt", "--key", *REASON).code == 0


def test_the_reference_of_a_used_destination_stays(shop: Shop) -> None:
    shop.policy.write_text(shop.policy.read_text().replace('shape = "wire-id"', 'shape = "order-number"'))
    sent_once(shop)
    shop.configure(destinations={"google": {"reference": "order_id"}})

    said = shop.command("adopt", "--destination", "google", *REASON)

    assert said.code == 78
    assert "cannot change" in said.err


def test_one_thing_at_a_time_and_nothing_without_a_change(shop: Shop) -> None:
    sent_once(shop)
    assert shop.command("adopt", "--key", "--shop", *REASON).code == 2
    assert shop.command("adopt", *REASON).code == 2
    assert shop.command("adopt", "--key", *REASON).code == 2
    assert shop.command("adopt", "--destination", "tiktok", *REASON).code == 2


def test_a_store_put_back_by_hand_is_adopted_and_nothing_counts_twice(shop: Shop) -> None:
    sent_once(shop)
    copy = shop.store.read_bytes()
    shop.wait(days=1)
    shop.orders(shop.order(), shop.order("1002", purchased_at=f"{shop.day(2)} 12:00:00"))
    assert shop.run().code == 0
    shop.store.write_bytes(copy)
    for left in ("-wal", "-shm"):
        shop.store.with_name(shop.store.name + left).unlink(missing_ok=True)
    assert shop.run().code == 74

    said = shop.command("adopt", "--store", "--reason", "the disk died")

    assert said.code == 0, said
    assert leaves(shop, "restored")[0]["reason"] == "the disk died"
    shop.wait(days=8)
    shop.orders(shop.order(), shop.order("1002", purchased_at=f"{shop.day(10)} 12:00:00"))
    shop.run("--since", shop.day(12))
    for platform in ("google", "meta"):
        assert shop.received(platform)["double_counted"] == 0
    assert shop.command("audit", "verify").code == 0


def written_ahead(shop: Shop) -> None:
    """Somebody objected while the clock was wrong; then it was set right."""
    sent_once(shop)
    shop.wait(days=400)
    shop.objection("ida.9@example.com")
    shop.wait(days=-399)


@pytest.mark.parametrize("command", ["run", "reconcile"])
def test_a_log_with_an_entry_in_the_future_names_the_command_that_lets_it_go_on(shop: Shop, command: str) -> None:
    written_ahead(shop)
    said = shop.command(command)
    assert said.code == 78
    assert "2027-12-27" in said.err
    assert "conversions adopt --clock --reason TEXT" in said.err


def test_a_clock_set_right_is_adopted_and_logged_and_runs_go_on(shop: Shop) -> None:
    written_ahead(shop)

    said = shop.command("adopt", "--clock", "--reason", "no NTP")

    assert said.code == 0, said
    assert "2027-12-27 06:15 Europe/Copenhagen" in said.err
    (leaf,) = leaves(shop, "clock adopted")
    assert (leaf["reason"], leaf["t"]) == ("no NTP", int(shop.now.timestamp()) * 1_000_000)
    assert leaf["newest"] == int((shop.now + timedelta(days=399)).timestamp()) * 1_000_000
    assert shop.run().counts("meta") == {"already_sent": 1}
    assert shop.command("audit", "verify").code == 0


def test_a_clock_that_is_wrong_is_not_adopted(shop: Shop) -> None:
    """Set back by days, it would send what is too old, and count it twice."""
    sent_once(shop)
    shop.sandbox.now = lambda: shop.now + timedelta(days=9)
    shop.wait(days=-9)
    kept = shop.store_bytes()

    said = shop.command("adopt", "--clock", *REASON)

    assert said.code == 78
    assert "google says 2026-11-22" in said.err
    assert shop.store_bytes() == kept


def test_a_clock_that_is_not_behind_the_log_needs_no_adoption(shop: Shop) -> None:
    assert shop.command("adopt", "--clock", *REASON).code == 2
    sent_once(shop)
    said = shop.command("adopt", "--clock", *REASON)
    assert said.code == 2
    assert "nothing was changed" in said.err
    assert shop.command("adopt", "--clock", "--store", *REASON).code == 2
