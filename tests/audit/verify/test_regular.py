"""What a batch says of its regular orders: each contradiction of it is named."""

from pathlib import Path

import pytest

from conversions.audit.verify import verify
from tests.audit.shop import Shop

OTHERWISE = "batch 1 says otherwise of its orders than their newest request was answered"
NO_LATE_RESULT = "batch 1 has more late results than the log"
FINGERPRINTS = "batch 1 has more or fewer fingerprints than events"


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


def findings(shop: Shop, *alterations: str) -> list[str]:
    with shop.tampered() as store:
        store.execute("PRAGMA foreign_keys = OFF")
        for alter in alterations:
            store.execute(alter)
    return [str(each) for each in verify.verify(verify.log_location(shop.settings)).findings]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("regular = 4", "batch 1 counts 4 orders that stand as it says, and has 3"),
        ("regular = 0", "batch 1 counts 0 orders that stand as it says, and has 3"),
        ("state = 'unknown'", "batch 1 has a state that there is not"),
        ("state = 'pending'", OTHERWISE),
        ("state = 'in_flight'", OTHERWISE),
        ("attempted = 0", OTHERWISE),
        ("first_attempt_us = first_attempt_us + 1", OTHERWISE),
        ("first_attempt_us = NULL", OTHERWISE),
        ("settled_run = 2", OTHERWISE),
        ("verdicts = '--'", "batch 1 has other late results than there are, or not one for each event"),
        ("verdicts = 'x--'", "batch 1 has other late results than there are, or not one for each event"),
        ("verdicts = 'c--'", NO_LATE_RESULT),
        ("verdicts = '-u-'", NO_LATE_RESULT),
        ("run = 2", "batch 1 has orders that the run which sealed it did not read"),
    ],
)
def test_what_a_batch_says_of_its_regular_orders_follows_from_their_requests(
    shop: Shop, column: str, expected: str
) -> None:
    readings = ["DELETE FROM reading WHERE run = 2"] if column == "run = 2" else []
    found = findings(shop, *readings, f"UPDATE batch SET {column} WHERE id = 1")
    assert expected in found, found


def test_late_results_are_of_regular_orders_in_received_batches(shop: Shop) -> None:
    found = findings(shop, "UPDATE batch SET verdicts = '-d-' WHERE id = 2")

    assert "batch 2 has late results of orders that do not stand as it says" in found
    assert "batch 2 has late results and was not received" in found


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("outcome = NULL", OTHERWISE),
        ("outcome = 'unknown'", OTHERWISE),
        ("outcome = 'refused'", OTHERWISE),
    ],
)
def test_a_batch_is_received_only_where_its_request_was(shop: Shop, outcome: str, expected: str) -> None:
    found = findings(shop, f"UPDATE request SET {outcome} WHERE id = 1")
    assert expected in found, found


def test_an_order_that_was_never_answered_does_not_stand_as_its_batch_says(shop: Shop) -> None:
    """Whatever a batch says of it: it has an exception, since it is sent again for itself."""
    unknown = "UPDATE request SET outcome = 'unknown' WHERE id = 1"
    pending = "UPDATE batch SET state = 'pending', first_attempt_us = NULL, settled_run = NULL WHERE id = 1"

    assert OTHERWISE in findings(shop, unknown, pending)


def test_orders_of_different_requests_do_not_both_stand_as_their_batch_says(shop: Shop) -> None:
    found = findings(shop, "UPDATE request_part SET events = 2 WHERE request = 1")
    assert "batch 1 has orders that stand as it says, and have different requests" in found


@pytest.mark.parametrize("column", ["minor = minor + 1", "currency = 'NOK'", "exponent = 3", "minor = NULL"])
def test_the_value_of_a_sale_is_that_of_its_events(shop: Shop, column: str) -> None:
    found = findings(shop, f"UPDATE sale SET {column} WHERE id = 1")
    assert "delivery 65 has another value than its event" in found, found


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        ("DELETE FROM fingerprint WHERE batch = 1", "batch 1 has no fingerprints"),
        ("UPDATE fingerprint SET digests = CAST(digests || x'00' AS BLOB) WHERE batch = 1", FINGERPRINTS),
        ("UPDATE fingerprint SET digests = substr(digests, 9) WHERE batch = 1", FINGERPRINTS),
        (
            "UPDATE fingerprint SET digests = zeroblob(24) WHERE batch = 1",
            "batch 1 has no fingerprints of orders that stand as it says",
        ),
        ("UPDATE blob SET bytes = NULL WHERE batch = 1", "batch 1 has fingerprints of erased events"),
        (
            "UPDATE blob SET bytes = NULL WHERE batch = 1",
            "batch 1 was sent, and has orders that stand as it says without their events",
        ),
    ],
)
def test_each_event_has_a_fingerprint_until_it_is_erased(shop: Shop, alter: str, expected: str) -> None:
    found = findings(shop, alter)
    assert expected in found, found


def test_an_order_that_was_not_sent_may_lose_its_event_to_retention(shop: Shop) -> None:
    found = findings(
        shop, "UPDATE batch SET attempted = 0 WHERE id = 1", "UPDATE blob SET bytes = NULL WHERE batch = 1"
    )
    assert not [each for each in found if "without their events" in each], found
