"""Ways to break a shop: its settings, its secrets, its policy."""

from collections.abc import Callable
from typing import Any

from tests.e2e.said import KEY, TOKEN
from tests.e2e.shop import NAMES, Shop

Break = Callable[[Shop], None]

REAL: dict[str, None] = {"endpoint": None, "requests_per_minute": None}
TO_THE_PLATFORMS = {"destinations": dict.fromkeys(NAMES, REAL)}
"""Settings without a sandbox; a test that uses them has no way out."""


def without_settings(shop: Shop) -> None:
    shop.config.unlink()


def a_directory(shop: Shop) -> None:
    shop.config.unlink()
    shop.config.mkdir()


def no_toml(shop: Shop) -> None:
    shop.config.write_text("timezone = Europe/Copenhagen\n")


def latin_1(shop: Shop) -> None:
    shop.config.write_bytes('shop = "Rødovre"\n'.encode("latin-1"))


def without_key(shop: Shop) -> None:
    shop.secrets(CONVERSIONS_META__ACCESS_TOKEN=TOKEN)


def half_a_key(shop: Shop) -> None:
    shop.secrets(CONVERSIONS_KEY=KEY[:32])


def no_hex_key(shop: Shop) -> None:
    shop.secrets(CONVERSIONS_KEY="x" * 64)


def secrets_for_all(shop: Shop) -> None:
    (shop.home / ".env").chmod(0o644)


def secrets_in_latin_1(shop: Shop) -> None:
    (shop.home / ".env").write_bytes(f"# nøgle\nCONVERSIONS_KEY={KEY}\n".encode("latin-1"))


def secrets_in_a_directory(shop: Shop) -> None:
    (shop.home / ".env").unlink()
    (shop.home / ".env").mkdir(mode=0o700)


def token_in_the_settings(shop: Shop) -> None:
    shop.configure(destinations={"meta": {"access_token": TOKEN}})


def key_in_the_settings(shop: Shop) -> None:
    shop.configure(key=KEY)


def environment(name: str, value: str) -> Break:
    def break_it(shop: Shop) -> None:
        shop.environment[name] = value

    return break_it


def settings(**changes: Any) -> Break:
    return lambda shop: shop.configure(**changes)


def destination(name: str, **changes: Any) -> Break:
    return lambda shop: shop.configure(destinations={name: changes})


def policy_gone(shop: Shop) -> None:
    shop.policy.unlink()


def policy_changed(old: str, new: str) -> Break:
    def change(shop: Shop) -> None:
        text = shop.policy.read_text(encoding="utf-8")
        assert old in text
        shop.policy.write_text(text.replace(old, new), encoding="utf-8")

    return change
