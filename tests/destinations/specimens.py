"""Settings, conversions and policies that the tests of destinations share."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from conversions.disclosure.policy import Policy, load_policy
from conversions.model.conversion import MAX_QUANTITY, CartItem, Consent, Conversion
from conversions.settings import GoogleSettings, MetaSettings

SHIPPED = Path(__file__).parents[2] / "config" / "privacy-policy.toml"
POLICY = load_policy(SHIPPED)
DIGEST = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"
"""Google's published vector for alexz@example.com."""
ENDPOINT = "http://127.0.0.1:8085"


def google_settings(**changed: Any) -> GoogleSettings:
    return GoogleSettings(**{"operating_account_id": "1234567890", "conversion_action_id": "987654321"} | changed)


def meta_settings(**changed: Any) -> MetaSettings:
    return MetaSettings(**{"dataset_id": "555000111222", "action_source": "physical_store"} | changed)


def conversion(**changed: Any) -> Conversion:
    made: dict[str, Any] = {
        "wire_id": "c-0123456789abcdef0123456789abcdef",
        "email_sha256": DIGEST,
        "value": Decimal("49.90"),
        "currency": "DKK",
        "product_ids": ("SKU-1", "SKU/2"),
        "event_at": 1_795_301_999,  # 2026-11-21 23:59:59 in Copenhagen
        "ready_at": 0,
        "expires_at": 0,
        "fingerprint": b"12345678",
    }
    return Conversion(**made | changed)


def policy_without(*paths: str) -> Policy:
    """The shipped policy with some of its lines struck out."""
    made = POLICY.model_dump(by_alias=True)
    for kind in ("google", "meta"):
        made[kind] = [listing for listing in made[kind] if listing["path"] not in paths]
    return Policy.model_validate(made)


def policy_with_order_numbers() -> Policy:
    """The shipped policy, with order numbers in the place of wire ids."""
    made = POLICY.model_dump(by_alias=True)
    for listing in (*made["google"], *made["meta"]):
        if listing["shape"] == "wire-id":
            listing["shape"] = "order-number"
    return Policy.model_validate(made)


def documented_listings() -> dict[str, list[dict[str, str]]]:
    """The lines that docs/cart-data.md adds to a policy, by kind of destination."""
    page = (SHIPPED.parents[1] / "docs" / "cart-data.md").read_text(encoding="utf-8")
    block = page.split("```toml\n")[1].split("```")[0]
    return tomllib.loads(block)


def cart_policy() -> Policy:
    """The shipped policy with quantities and unit prices, as documented."""
    made = POLICY.model_dump(by_alias=True)
    for kind, listings in documented_listings().items():
        made[kind] = [*made[kind], *listings]
    return Policy.model_validate(made)


CART_POLICY = cart_policy()

PRODUCT = st.text("ABCxyz019._:/#+-", min_size=1, max_size=100)
CONVERSIONS = st.builds(
    Conversion,
    wire_id=st.integers(0, 16**32 - 1).map("c-{:032x}".format),
    email_sha256=st.integers(0, 16**64 - 1).map("{:064x}".format),
    value=st.integers(1, 10**14 - 1).map(lambda minor: Decimal(minor).scaleb(-2)),
    currency=st.sampled_from(["DKK", "EUR", "SEK", "USD", "JPY", "KWD"]),
    product_ids=st.lists(PRODUCT, min_size=1, max_size=60).map(tuple),
    event_at=st.integers(1_600_000_000, 2_000_000_000),
    ready_at=st.just(0),
    expires_at=st.just(0),
    fingerprint=st.just(b""),
    ad_user_data=st.sampled_from(Consent),
    ad_personalization=st.sampled_from(Consent),
    cart=st.just(()),
)
"""Whatever ``convert`` can hand over."""

PRICE = st.integers(1, 10**8).map(lambda minor: Decimal(minor).scaleb(-2))
CARTS = st.sampled_from([(True, True), (True, False), (False, True)]).flatmap(
    lambda listed: st.lists(
        st.builds(
            CartItem,
            PRODUCT,
            st.integers(1, MAX_QUANTITY) if listed[0] else st.none(),
            PRICE if listed[1] else st.none(),
        ),
        min_size=1,
        max_size=20,
    ).map(tuple)
)
WITH_CART = st.builds(
    lambda one, cart: one._replace(cart=cart, product_ids=tuple(dict.fromkeys(item.product_id for item in cart))),
    CONVERSIONS,
    CARTS,
)
"""Whatever ``convert`` can hand over where the policy lists quantities or prices."""

GOOGLE_SETTINGS = st.builds(
    GoogleSettings,
    operating_account_id=st.from_regex(r"[0-9]{10}", fullmatch=True),
    conversion_action_id=st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    login_account_id=st.none() | st.from_regex(r"[0-9]{10}", fullmatch=True),
    event_source=st.sampled_from(["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"]),
    merchant_id=st.none() | st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    merchant_feed_label=st.none() | st.sampled_from(["DK", "DK_2026", "A-B"]),
    merchant_feed_language_code=st.none() | st.sampled_from(["da", "en"]),
)
META_SETTINGS = st.builds(
    meta_settings,
    dataset_id=st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    action_source=st.sampled_from(
        ["email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "other"]
    ),
    event_source_url=st.just("https://shop.example/tak"),
    upload_tag=st.booleans(),
)
