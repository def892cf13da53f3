"""The policy file: what it may list, and one clear sentence for each mistake in it."""

from hashlib import sha256
from pathlib import Path

import pytest

from conversions.disclosure.gate import Gate
from conversions.disclosure.policy import Class, load_policy
from conversions.disclosure.schema import SCHEMA
from conversions.errors import SettingsError
from tests.destinations.specimens import documented_listings

SHIPPED = Path(__file__).parents[2] / "config" / "privacy-policy.toml"
POLICY = load_policy(SHIPPED)


def toml(**changes: str) -> str:
    """The smallest policy, with some lines replaced."""
    quote = "Vi videregiver fire ting."
    lines = {
        "version": '"1"',
        "effective": "2026-01-15",
        "quoted_from": '"https://shop.example"',
        "quote": f'"{quote}"',
        "quote_sha256": f'"{sha256(quote.encode()).hexdigest()}"',
        "google": '[{ path = "encoding", shape = "const:HEX", class = "envelope", what = "x" }]',
    } | changes
    return "\n".join(f"{key} = {value}" for key, value in lines.items() if value)


def listing(path: str, shape: str, why: str = "envelope") -> str:
    return f'{{ path = "{path}", shape = "{shape}", class = "{why}", what = "x" }}'


def test_the_shipped_policy_lists_what_this_program_can_send_but_quantities_and_prices() -> None:
    for kind in SCHEMA:
        cart = {listing["path"] for listing in documented_listings()[kind]}
        shipped = {one.path for one in POLICY.listings(kind)}
        assert shipped.isdisjoint(cart)
        assert shipped | cart == set(SCHEMA[kind])


def test_the_shipped_policy_promises_the_four_things_and_only_them() -> None:
    listings = [one for kind in SCHEMA for one in POLICY.listings(kind)]

    promised = {one.path.rsplit(".")[-1] for one in listings if one.class_ is Class.PROMISED}

    address, amount = {"emailAddress", "em[]"}, {"conversionValue", "value", "currency"}
    product, day = {"merchantProductId", "itemId", "content_ids[]"}, {"eventTimestamp", "event_time"}
    assert promised == address | amount | product | day


def test_the_policy_knows_its_own_text_and_digest() -> None:
    assert POLICY.text.encode() == SHIPPED.read_bytes()
    assert POLICY.sha256 == sha256(SHIPPED.read_bytes()).hexdigest()
    assert POLICY.quote in POLICY.text


def test_a_policy_says_what_it_lists_and_in_which_shape() -> None:
    assert POLICY.lists("google", "events[].currency")
    assert not POLICY.lists("meta", "events[].currency")
    assert POLICY.shape("meta", "data[].event_id") == "wire-id"
    with pytest.raises(KeyError):
        POLICY.shape("meta", "data[].user_data.ph[]")


def test_a_policy_may_narrow_constants(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(toml(google=f"[{listing('events[].eventSource', 'one-of:WEB,PHONE')}]"))

    policy = load_policy(path)

    gate = Gate(policy, "google")
    assert gate.violation(b'{"eventSource":"WEB"}') is None
    assert gate.violation(b'{"eventSource":"APP"}') == "events[].eventSource"
    assert gate.violation(b'{"currency":"DKK"}') == "events[].currency"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (toml(quote='"Vi videregiver fem ting."'), "quote_sha256"),
        (toml(google=f"[{listing('encoding', 'const:HEX')}, {listing('encoding', 'const:HEX')}]"), "listed twice"),
        (toml(google=f"[{listing('events[].userData.userIdentifiers[].phoneNumber', 'sha256-hex')}]"), "phoneNumber"),
        (toml(meta=f"[{listing('data[].user_data.client_user_agent', 'text')}]"), "client_user_agent"),
        (toml(google=f"[{listing('events[].currency', 'free-text')}]"), "events[].currency has the shape currency"),
        (toml(google=f"[{listing('events[].currency', 'product-id')}]"), "events[].currency has the shape currency"),
        (toml(google=f"[{listing('encoding', 'const:BASE64')}]"), "const:HEX"),
        (toml(google=f"[{listing('encoding', 'HEX')}]"), "const:HEX"),
        (toml(google=f"[{listing('events[].eventSource', 'one-of:WEB,STORE')}]"), "one-of:WEB"),
        (toml(google=f"[{listing('encoding', 'const:HEX', 'nice to have')}]"), "google: 0: class"),
        (toml(version="1"), "version"),
        (toml(effective=""), "effective: Field required"),
        (toml(kindness='"yes"'), "kindness"),
        ("version = ", "not valid TOML"),
    ],
)
def test_a_mistake_in_the_policy_is_one_clear_sentence(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)

    with pytest.raises(SettingsError) as caught:
        load_policy(path)

    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_missing_policy_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"`conversions init`"):
        load_policy(tmp_path / "none.toml")


def test_a_policy_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(toml().encode() + b"\n# k\xf8b")

    with pytest.raises(SettingsError, match="is not text in UTF-8"):
        load_policy(path)
