"""Batches, the requests that name them, and the orders in them: each contradiction is named, and none stops verify."""

import random
from pathlib import Path

import pytest

from conversions.audit.verify import verify
from tests.audit.shop import Shop
from tests.ledger.forced import allow

NOT_ANSWERED = "stands otherwise than its newest request was answered"


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


def findings(shop: Shop) -> list[str]:
    return [str(each) for each in verify.verify(verify.log_location(shop.settings)).findings]


def test_what_was_not_altered_has_no_finding(shop: Shop) -> None:
    assert findings(shop) == []


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        ("UPDATE batch SET events = events + 1", "batch 1 counts 4 events and has 3"),
        ("UPDATE batch SET destination = 3 - destination", "batch 1 has events of another destination"),
        ("UPDATE batch SET request = request + 1 WHERE id = 1", "batch 1 is not named by the request that it says"),
        ("UPDATE batch SET request = NULL WHERE id = 1", "batch 1 is not named by the request that it says"),
        ("UPDATE batch SET run = 2 WHERE id = 1", "batch 1 was sealed in another run"),
        ("UPDATE batch SET objection = 1", "batch 1 was compared with another state of the suppression list"),
        ("UPDATE blob SET members = CAST(members || x'01' AS BLOB)", "batch 1 cannot be read"),
        ("UPDATE blob SET bytes = CAST(bytes || x'0001' AS BLOB)", "batch 1 cannot be read"),
        ("UPDATE blob SET salts = CAST(salts || x'01' AS BLOB)", "batch 1 has more or less in its columns"),
        ("DELETE FROM blob WHERE batch = 1", "batch 1 has no contents"),
        (
            "UPDATE event SET place = place + 1 WHERE place & 4095 = 2",
            "batch 1 has events that are not in their places",
        ),
        ("INSERT INTO event VALUES (1, 99999)", "the events are 11, and batches have 10 of them in their places"),
        ("INSERT INTO earlier_person VALUES (1, x'01')", "event 1 has an earlier buyer and is not there"),
    ],
)
def test_a_batch_that_contradicts_its_events_is_named(shop: Shop, alter: str, expected: str) -> None:
    with shop.tampered() as store:
        store.execute("PRAGMA foreign_keys = OFF")
        store.execute(alter)

    assert any(expected in each for each in findings(shop)), findings(shop)


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        ("state = 'pending'", NOT_ANSWERED),
        ("state = 'unknown'", NOT_ANSWERED),
        ("state = 'erased'", "is erased, and its event is not"),
        ("state = 'kept'", "has a state that there is not"),
        ("attempted = 0", "is marked otherwise than the requests that have its newest event"),
        ("revision = 1", "has no event, and does not stand against sending"),
        ("day = '2026-11-01'", "has another day than its event"),
        ("value_minor = value_minor + 1", "has another value than its event"),
    ],
)
def test_an_order_that_contradicts_its_requests_is_named(shop: Shop, alter: str, expected: str) -> None:
    """Every order of the shop was received; one that waits again would be sent again."""
    with shop.tampered() as store:
        allow(store)
        store.execute(f"UPDATE delivery SET {alter}")

    assert any(expected in each for each in findings(shop)), findings(shop)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("refused", "was received by no request"), ("unknown", "was received by no request")],
)
def test_an_order_without_a_request_that_was_received_was_not_received(shop: Shop, outcome: str, expected: str) -> None:
    with shop.tampered() as store:
        store.execute(f"UPDATE request SET outcome = '{outcome}'")

    assert any(expected in each for each in findings(shop)), findings(shop)


@pytest.mark.parametrize("seed", range(8))
def test_a_place_that_was_altered_in_any_way_is_a_finding_and_no_crash(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    table, column = chance.choice(
        [("request_part", "place"), ("request_part", "first"), ("request_part", "events"), ("event", "place")]
    )
    value = chance.choice([-1, 4095, 4097, 1 << 40, (1 << 63) - 1, -(1 << 63)])
    with shop.tampered() as store:
        row = "rowid" if table == "event" else "request"
        (key,) = store.execute(f"SELECT max({row}) FROM {table} WHERE {column} <> ?", (value,)).fetchone()
        store.execute(f"UPDATE {table} SET {column} = ? WHERE {row} = ?", (value, key))

    found = findings(shop)
    assert found
    assert not [each for each in found if "cannot be read to the end" in each], found
