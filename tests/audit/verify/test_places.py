"""How an order stands, in the place of its event or in an exception: each contradiction of the two is named."""

from pathlib import Path

import pytest

from conversions.audit.verify import verify
from tests.audit.shop import Shop

OWN = """
    INSERT INTO exception(
        id, run, day, state, revision, stated_minor, stated_currency, stated_exponent, attempted, value_minor,
        value_currency, value_exponent, first_attempt_us
    ) SELECT {}, run, day, state, revision, stated_minor, stated_currency, stated_exponent, attempted, value_minor,
    value_currency, value_exponent, first_attempt_us FROM delivery WHERE id = {}
"""
JUDGED = """
    INSERT INTO judgement(id, delivery, to_state, rules, policy_version, at_us) VALUES (1, 999 << 6 | 1, 'x', '', '', 0)
"""


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (
            "UPDATE delivery_place SET place = place + 1 WHERE id = 65",
            "delivery 65 stands as another place says than that of its event",
        ),
        (
            "UPDATE delivery_place SET place = (SELECT place FROM delivery_place WHERE id = 258) WHERE id = 257",
            "delivery 257 stands as another place says than that of its event",
        ),
        ("UPDATE delivery_place SET place = NULL WHERE id = 65", "delivery 65 has neither a place nor an exception"),
        ("DELETE FROM exception WHERE id = 66", "delivery 66 has neither a place nor an exception"),
        (OWN.format(65, 65), "delivery 65 has a place and an exception"),
        ("DELETE FROM delivery_place WHERE id = 66", "delivery 66 has an exception and is not there"),
        ("UPDATE exception SET id = 6666 WHERE id = 66", "delivery 6666 has an exception and is not there"),
        ("INSERT INTO delivery_place VALUES (6666, NULL)", "delivery 6666 has no sale"),
        (
            "DELETE FROM delivery_place WHERE id = 65",
            "delivery 65 is gone, and its event and its sale are not",
        ),
        (JUDGED, f"delivery {999 << 6 | 1} is gone, and its judgement is not"),
        ("DELETE FROM delivery_place WHERE id >> 6 = 5", "sale 5 has no order at any destination"),
        ("UPDATE fingerprint SET batch = 99 WHERE batch = 1", "batch 99 has fingerprints and is not there"),
    ],
)
def test_an_order_that_stands_in_two_ways_or_in_none_is_named(shop: Shop, alter: str, expected: str) -> None:
    with shop.tampered() as store:
        store.execute("PRAGMA foreign_keys = OFF")
        store.execute(alter)

    found = [str(each) for each in verify.verify(verify.log_location(shop.settings)).findings]
    assert expected in found, found
