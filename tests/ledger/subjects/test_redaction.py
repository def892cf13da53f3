"""Payloads leave the store's files, and the log goes on proving what it holds of them."""

from hashlib import sha256

import orjson
import pytest

from conversions.audit.verify.open_store import open_store
from conversions.audit.verify.payloads import check_requests
from conversions.ledger.outbox import settle
from conversions.ledger.subjects import erasure, redaction
from conversions.ledger.subjects.scrub import scrub
from tests.ledger import stored
from tests.ledger.builders import LOST, RECEIVED, Night, Sighting, draft, sighting, subject


def digest(person: str) -> str:
    return sha256(person.encode()).hexdigest()


def bought(number: str, person: str, size: int = 1) -> Sighting:
    """An order whose events hold the person's digest."""
    products = [f"SKU-{i}" for i in range(size)]
    held = orjson.dumps({"event_id": f"c-{number}", "em": digest(person), "products": products})
    return sighting(number, draft(number, event=held), subject=subject(person))


def send(night: Night, answer: object = RECEIVED) -> None:
    """Everything that waits, at both destinations."""
    for name in ("google", "meta"):
        while attempt := night.attempt(night.outbox(name, max_events=7)):
            settle(night.ledger, night.run, attempt, answer)  # type: ignore[arg-type]
            if answer is LOST:
                break


def assert_committed(night: Night) -> None:
    """Every intent's root is that of its events' commitments, whether they are made or kept."""
    with open_store(night.path) as connection:
        checked = check_requests(connection, 1, 1 << 40)
    assert checked.events
    assert checked.findings == []


def erase(night: Night, *people: str) -> None:
    """One by one, and the files are searched once."""
    erased = [erasure.erase_person(night.ledger, (subject(person),), f"case {person}") for person in people]
    assert all(one.events for one in erased)
    assert scrub(night.ledger, [one.traces for one in erased if one.traces])


def test_what_is_taken_out_is_in_no_file_and_its_commitment_stays(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    before = stored.events(night.path)
    erase(night, "ida")
    for was, now in zip(before, stored.events(night.path), strict=True):
        if was.subject == subject("ida"):
            assert (now.body, now.subject) == (None, None)
            assert not {was.salts[:16], was.salts[16:]} & {now.salts[:16], now.salts[16:]}
        else:
            assert now == was
    assert_committed(night)


def test_to_take_out_again_changes_nothing(night: Night) -> None:
    night.stage(bought("1", "ida"))
    with night.ledger.transaction() as connection:
        assert redaction.redact(connection, [row.id for row in stored.events(night.path)])
    once = stored.events(night.path)
    with night.ledger.transaction() as connection:
        assert redaction.redact(connection, [row.id for row in once]) == set()
    assert stored.events(night.path) == once


@pytest.mark.parametrize(
    ("events", "ranges"),
    [
        ([], []),
        ([0], [[0, 0]]),
        ([0, 1, 2, 3, 4, 5], [[0, 5]]),
        ([0, 1, 3, 5], [[0, 1], [3, 3], [5, 5]]),
        ([1, 2, 4, 5], [[1, 2], [4, 5]]),
    ],
)
def test_a_range_covers_no_event_that_was_not_taken_out(
    night: Night, events: list[int], ranges: list[list[int]]
) -> None:
    night.stage(*[bought(f"{i}", "ida") for i in range(3)])
    keys = [row.id for row in stored.events(night.path)]
    assert len(keys) == 6
    with night.ledger.transaction() as connection:
        found = redaction.ranges(connection, [keys[i] for i in events])
    assert found == [[keys[first], keys[last]] for first, last in ranges]
