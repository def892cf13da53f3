"""A new key: what was sent keeps its id, and nobody who is known under the old one is forgotten."""

import json
import re
import stat

from dotenv import dotenv_values

from tests.e2e.said import DOMAIN, KEY
from tests.e2e.shop import NAMES, Shop

WHY = ("--reason", "an employee left")


def rotated(shop: Shop) -> dict[str, str | None]:
    """The new key is made, and taken from .env from now on, as in a new process."""
    shop.environment["CONVERSIONS_KEY"] = KEY
    said = shop.command("key", "rotate", *WHY)
    assert said.code == 0, said
    held = dotenv_values(shop.home / ".env")
    for secret in held.values():
        assert (secret or "") not in said.out + said.err
    shop.environment = {name: value or "" for name, value in held.items()}
    return held


def ids(shop: Shop, platform: str) -> list[str]:
    return [sale.reference for sale in shop.sales(platform)]


def test_the_new_key_is_in_env_with_the_old_ones_and_the_logs_own(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()

    held = rotated(shop)

    assert held["CONVERSIONS_KEY"] != KEY
    assert held["CONVERSIONS_FORMER_KEYS"] == KEY
    assert stat.S_IMODE((shop.home / ".env").stat().st_mode) == 0o600
    second = rotated_again(shop)
    assert second["CONVERSIONS_FORMER_KEYS"] == f"{held['CONVERSIONS_KEY']},{KEY}"
    assert second["CONVERSIONS_LOG_KEY"] == held["CONVERSIONS_LOG_KEY"]
    assert shop.command("audit", "verify").code == 0


def rotated_again(shop: Shop) -> dict[str, str | None]:
    said = shop.command("key", "rotate", *WHY)
    assert said.code == 0, said
    held = dotenv_values(shop.home / ".env")
    shop.environment = {name: value or "" for name, value in held.items()}
    return held


def test_what_was_sent_stays_sent_and_new_orders_get_other_ids(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()
    rotated(shop)
    shop.orders(shop.order(), shop.order("1002"))

    said = shop.run()

    assert said.code == 0, said
    assert said.json["destinations"]["google"]["already_sent"] == 1
    for platform in NAMES:
        assert len(set(ids(shop, platform))) == 2
        assert shop.received(platform)["distinct"] == 2


def test_an_objection_from_before_is_heard_for_orders_of_after(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()
    shop.objection(f"IDA.77@{DOMAIN}")
    rotated(shop)
    shop.orders(shop.order(), shop.order("1077", billing_email=f"ida.77@{DOMAIN}"))

    said = shop.run()

    assert said.json["destinations"]["meta"]["withheld"] == {"objection": 1}
    assert len(shop.sales("meta")) == 1


def test_what_a_platform_refused_does_not_look_corrected(shop: Shop) -> None:
    shop.orders(shop.order(product_ids="POISON-1"), shop.order("1002"))
    shop.sandbox.use_faults(["poison=POISON"])
    shop.run()
    before = shop.requests()
    rotated(shop)

    shop.run()

    assert shop.requests() == before


def test_a_key_that_is_not_in_env_is_not_ours_to_change(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()
    shop.environment["CONVERSIONS_KEY"] = KEY
    (shop.home / ".env").write_text("")

    said = shop.command("key", "rotate", *WHY)

    assert said.code == 78
    assert "conversions adopt --key" in said.err


def test_without_a_store_there_is_nothing_to_keep(shop: Shop) -> None:
    assert shop.command("key", "rotate", *WHY).code == 2


def test_a_person_is_found_withheld_and_erased_under_both_keys(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()
    rotated(shop)
    shop.orders(shop.order(), shop.order("1002", billing_email=f"ida.1001@{DOMAIN}"))
    shop.run()

    paper = shop.home / "answer.json"
    shop.command("privacy", "access", "--format", "json", "--out", paper, stdin=f"ida.1001@{DOMAIN}")
    shop.objection(f"ida.1001@{DOMAIN}")
    listed = json.loads(shop.command("privacy", "object", "--list", "--json").out)
    done = shop.command("privacy", "erase", "--case", "7", "--yes", "--json", stdin=f"ida.1001@{DOMAIN}")

    assert {"1001", "1002"} <= set(re.findall(r'"(100\d)"', paper.read_text()))
    assert len(listed) == 1
    assert json.loads(done.out)["orders"] == 2
    assert json.loads(done.out)["persons"] == 1
