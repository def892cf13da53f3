"""Wrong or missing settings, another key, another policy: one sentence, exit 78, nothing sent."""

from collections import Counter

import pytest

from tests.e2e.breaks import (
    REAL,
    TO_THE_PLATFORMS,
    Break,
    a_directory,
    destination,
    environment,
    half_a_key,
    key_in_the_settings,
    latin_1,
    no_hex_key,
    no_toml,
    policy_changed,
    policy_gone,
    secrets_for_all,
    secrets_in_a_directory,
    secrets_in_latin_1,
    settings,
    token_in_the_settings,
    without_key,
    without_settings,
)
from tests.e2e.said import CONFIG, DOMAIN, TRY_AGAIN, stopped
from tests.e2e.shop import NAMES, Shop

WRONG: dict[str, Break] = {
    "no settings": without_settings,
    "settings are a directory": a_directory,
    "settings are no TOML": no_toml,
    "settings are not UTF-8": latin_1,
    "a typo": settings(lookback_day=7),
    "no source": settings(source=None),
    "no destination": settings(destinations={"google": None, "meta": None}),
    "no legal basis": settings(privacy={"legal_basis": None}),
    "no such zone": settings(timezone="Copenhagen"),
    "no such kind": settings(source={"kind": "xls"}),
    "no duration": settings(deadline="soon"),
    "a negative duration": settings(deadline="-1h"),
    "a duration beyond time": settings(deadline="9999999999d"),
    "days without number": environment("CONVERSIONS_LOOKBACK_DAYS", "seven"),
    "a section from the environment": environment("CONVERSIONS_SOURCE", "orders.csv"),
    "no such store": settings(store={"url": "postgresql://db/shop"}),
    "store below a file": settings(store={"url": "sqlite:///privacy-policy.toml/conversions.db"}),
    "store is a directory": settings(store={"url": "sqlite:///orders"}),
    "tail below nothing": settings(store={"tail": "no/such/directory/tail"}),
    "tail is a directory": settings(store={"tail": "orders"}),
    "an endpoint elsewhere": destination("meta", endpoint="http://shop.example:8085"),
    "an endpoint elsewhere, disguised": destination("meta", endpoint="http://shop.example\\@127.0.0.1:8085"),
    "an endpoint elsewhere, as a login": destination("meta", endpoint="http://127.0.0.1@shop.example"),
    "an endpoint that is none": destination("meta", endpoint="ftp://127.0.0.1"),
    "an endpoint without such a port": destination("meta", endpoint="http://127.0.0.1:99999"),
    "an endpoint with a query": destination("meta", endpoint="http://127.0.0.1:8085/?to=shop.example"),
    "one endpoint real": destination("meta", **REAL),
    "unlimited at a real endpoint": settings(destinations={name: {"endpoint": None} for name in NAMES}),
    "no action source": destination("meta", action_source=None),
    "account with hyphens": destination("google", operating_account_id="123-456-7890"),
    "no key": without_key,
    "half a key": half_a_key,
    "a key that is no hex": no_hex_key,
    "secrets that others may read": secrets_for_all,
    "secrets that are not UTF-8": secrets_in_latin_1,
    "secrets that are a directory": secrets_in_a_directory,
    "the token in the settings": token_in_the_settings,
    "the key in the settings": key_in_the_settings,
    "no policy": policy_gone,
    "a policy whose sentence was changed": policy_changed("fire oplysninger", "fem oplysninger"),
    "a policy that is no TOML": policy_changed("version =", "version"),
    "a policy that lists less than would leave": policy_changed("content_ids", "contents"),
    "a policy of a wider shape": policy_changed("sha256-hex", "product-id"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_settings_stop_everything_before_it_begins(shop: Shop, wrong: str) -> None:
    shop.orders(shop.order())
    WRONG[wrong](shop)
    for command in ("run", "plan"):
        said = shop.command(command, "--json")
        assert said.code == CONFIG, said
        assert (said.json["exit_code"], said.json["sentence"]) == (CONFIG, said.err.strip()) or "\n" in said.err
        assert "Internal error" not in said.err
        assert str(shop.home) in said.err or "CONVERSIONS_" in said.err or "destinations." in said.err, said
        shop.assert_untouched()


def another_reference(shop: Shop) -> None:
    for path in ("event_id", "custom_data.order_id"):
        policy_changed(f'[].{path}", shape = "wire-id"', f'[].{path}", shape = "order-number"')(shop)
    policy_changed('version = "2026-01"', 'version = "2026-11"')(shop)
    shop.configure(destinations={"meta": {"reference": "order_id"}})
    shop.approve()


USED: dict[str, tuple[Break, str]] = {
    "another key": (lambda shop: shop.secrets(CONVERSIONS_KEY="ab" * 32), "key is"),
    "another shop": (settings(shop="other"), "'main'"),
    "another dataset": (destination("meta", dataset_id="555000111333"), "555000111222"),
    "another account": (destination("google", operating_account_id="1234567899"), "1234567890"),
    "another action": (destination("google", conversion_action_id="987654322"), "987654321"),
    "another reference": (another_reference, "wire_id"),
    "real endpoints": (settings(**TO_THE_PLATFORMS), "rehearsal"),
}


@pytest.mark.parametrize("other", USED)
def test_a_used_store_does_not_follow_to_another_key_shop_or_account(shop: Shop, other: str) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    change, says = USED[other]
    change(shop)
    requests, kept = shop.requests(), shop.store_bytes()
    for command in ("run", "plan"):
        stopped(shop.command(command, "--json"), CONFIG, says)
        assert (shop.requests(), shop.store_bytes()) == (requests, kept)


def test_a_real_store_refuses_loopback(shop: Shop) -> None:
    shop.configure(**TO_THE_PLATFORMS)
    shop.objection(f"bo@{DOMAIN}")
    shop.configure()
    shop.orders(shop.order())
    stopped(shop.run(), CONFIG, "real")
    stopped(shop.plan(), CONFIG, "real")
    assert shop.requests() == 0


def test_another_version_of_the_policy_is_logged_with_what_left_under_it(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    assert shop.run().code == 0
    policy_changed('version = "2026-01"', 'version = "2026-11"')(shop)
    shop.approve()
    shop.orders(shop.order("1"), shop.order("2"))
    assert shop.run().counts("meta") == {"already_sent": 1, "sent": 1}
    versions = [(attempt["destination"], attempt["policy_version"]) for attempt in shop.exported()]
    assert Counter(versions) == Counter((name, version) for name in NAMES for version in ("2026-01", "2026-11"))


def test_a_policy_that_allows_less_keeps_unanswered_events_from_being_sent_again(shop: Shop) -> None:
    """What was built under the old policy carries the buyer's recorded choice, which the new one does not list."""
    shop.configure(deadline="1s")
    shop.sandbox.use_faults(["lost"])
    shop.orders(shop.order(ads_consent="yes"))
    assert shop.run().code == TRY_AGAIN
    shop.sandbox.use_faults([])
    lines = shop.policy.read_text(encoding="utf-8").splitlines()
    shop.policy.write_text("\n".join(line for line in lines if "adUserData" not in line), encoding="utf-8")
    policy_changed('version = "2026-01"', 'version = "2026-11"')(shop)
    shop.approve()
    said = shop.run()
    assert said.counts("google") == {"withheld": {"maybe_received": 1}}
    assert said.counts("meta") == {"sent": 1}
    assert shop.received("google")["requests"] == 1


def test_two_sections_for_one_place_would_send_everything_twice(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.configure(destinations={"instagram": shop.destination("meta")})
    for command in ("run", "plan"):
        stopped(shop.command(command, "--json"), CONFIG, "instagram", "meta")
        shop.assert_untouched()


def test_a_renamed_section_would_send_everything_again(shop: Shop) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    requests, kept = shop.requests(), shop.store_bytes()
    shop.configure(destinations={"facebook": shop.destination("meta"), "meta": None})
    for command in ("run", "plan"):
        stopped(shop.command(command, "--json"), CONFIG, "facebook", "meta")
        assert (shop.requests(), shop.store_bytes()) == (requests, kept)


def test_a_second_dataset_gets_what_it_has_not_had(shop: Shop) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    shop.configure(destinations={"second": shop.destination("meta") | {"dataset_id": "555000111333"}})
    said = shop.run()
    assert (said.code, said.counts("meta"), said.counts("second")) == (0, {"already_sent": 1}, {"sent": 1})
    assert shop.received("meta")["distinct"] == 2
    assert len({sale.reference for sale in shop.sales("meta")}) == 2
