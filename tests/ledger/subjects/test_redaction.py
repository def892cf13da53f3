"""Payloads leave the store's files, and the log goes on proving what it holds of them."""

import os
import random
from hashlib import sha256

import orjson
import pytest
from sqlalchemy import text

from conversions.ledger.log.merkle import root_of
from conversions.ledger.outbox import settle
from conversions.ledger.schema.tables import SALE_OF_EVENT
from conversions.ledger.subjects import erasure, redaction
from tests.ledger import stored
from tests.ledger.builders import DESTINATIONS, LOST, RECEIVED, Night, Sighting, another_look, draft, sighting, subject

ERASURES = int(os.environ.get("ERASURES", "40"))
"""A sample; all of it is ERASURES=1000."""
_KEYS = text("SELECT id FROM event ORDER BY id")
_LEAVES = text("SELECT id, leaf FROM request ORDER BY id")


def digest(person: str) -> str:
    return sha256(person.encode()).hexdigest()


def bought(number: str, person: str, size: int = 1) -> Sighting:
    """An order whose events hold the person's digest."""
    products = [f"SKU-{i}" for i in range(size)]
    held = orjson.dumps({"event_id": f"c-{number}", "em": digest(person), "products": products})
    return sighting(number, draft(number, event=held), subject=subject(person))


def in_files(night: Night, *people: str) -> int:
    """How many of these people's digests, as text or as bytes, or keys without a place on the list, any file holds."""
    held = b"".join(path.read_bytes() for path in night.path.parent.iterdir())
    return sum(digest(person).encode() in held or bytes.fromhex(digest(person)) in held for person in people)


def send(night: Night, answer: object = RECEIVED) -> None:
    """Everything that waits, at both destinations."""
    for name in ("google", "meta"):
        while attempt := night.attempt(night.outbox(name, max_events=7)):
            settle(night.ledger, night.run, attempt, answer)  # type: ignore[arg-type]
            if answer is LOST:
                break


def assert_committed(night: Night) -> None:
    """Every intent's root is that of its events' commitments, whether they are made or kept."""
    leaves = {leaf["seq"]: leaf for leaf in night.leaves()}
    sent = stored.events_of_requests(night.path)
    assert sent
    for row in night.all(_LEAVES):
        assert root_of([event.leaf_value for event in sent[row.id]]).hex() == leaves[row.leaf]["commitments"]


def test_what_is_taken_out_is_in_no_file_and_its_commitment_stays(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    before = stored.events(night.path)
    gone = {event.id for event in before if event.subject == subject("ida")}
    with night.ledger.transaction() as connection:
        redaction.redact(connection, sorted(gone))
        redaction.forget_buyers(connection, sorted({event >> SALE_OF_EVENT for event in gone}), (subject("ida"),))
    assert redaction.wipe(night.ledger)
    assert (in_files(night, "ida"), in_files(night, "asta")) == (0, 1)
    for once, now in zip(before, stored.events(night.path), strict=True):
        if once.id in gone:
            assert (now.body, now.value, now.subject, now.link) == (None, 0, None, b"")
            assert now.salts == now.leaf_value == once.leaf_value
        else:
            assert now == once
    assert_committed(night)


def test_to_take_out_again_changes_nothing(night: Night) -> None:
    night.stage(bought("1", "ida"))
    events = stored.events(night.path)
    for _ in range(2):
        with night.ledger.transaction() as connection:
            redaction.redact(connection, [event.id for event in events])
        after = stored.events(night.path)
        assert [event.body for event in after] == [None, None]
        assert [event.salts for event in after] == [event.leaf_value for event in events]


def test_a_reader_stands_in_the_way_of_the_files_and_is_named_by_false(night: Night) -> None:
    night.ledger.connection.exec_driver_sql("PRAGMA busy_timeout=10")
    night.ledger.connection.commit()
    night.stage(bought("1", "ida"))
    with another_look(night.path) as connection:
        connection.execute(_KEYS).fetchone()
        night.stage(bought("2", "asta"))
        assert not redaction.wipe(night.ledger)
    assert redaction.wipe(night.ledger)


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
    keys = [row.id for row in night.all(_KEYS)]
    assert len(keys) == 6
    with night.ledger.transaction() as connection:
        found = redaction.ranges(connection, [keys[i] for i in events])
    assert found == [[keys[first], keys[last]] for first, last in ranges]


def test_orders_that_are_read_anew_leave_no_copy_of_their_former_bytes(night: Night) -> None:
    """Batches that are replaced or blanked are overwritten, so that no file holds more than the events themselves."""
    chance = random.Random(1)
    people = [f"buyer {i}" for i in range(900)]
    night.stage(*[bought(f"A-{person}", person, chance.randint(1, 60)) for person in people])
    for _ in range(3):
        again = chance.sample(people, 300)
        night.stage(*[bought(f"A-{person}", person, chance.randint(1, 60)) for person in again])
    night.ledger.connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    held = night.path.read_bytes()
    copies = {person: held.count(digest(person).encode()) for person in people}
    assert max(copies.values()) == len(DESTINATIONS)
    some = chance.sample(people, 20)
    for number, person in enumerate(some):
        erasure.erase_person(night.ledger, (subject(person),), f"case {number}")
    assert redaction.wipe(night.ledger)
    assert in_files(night, *some) == 0


def test_no_byte_of_an_erased_person_is_left_and_every_commitment_holds(night: Night) -> None:
    """Orders of all sizes, read anew with other content, sent, unanswered or never sent: then erased one by one."""
    chance = random.Random(20261123)
    people = [f"buyer {i}" for i in range(ERASURES * 3 // 2)]
    for chunk in range(0, len(people), 100):
        once, again = people[chunk : chunk + 100], chance.sample(people[: chunk + 100], (chunk + 50) // 3)
        night.stage(*[bought(f"A-{person}", person, chance.randint(1, 60)) for person in once])
        if chunk % 300 != 200:
            send(night, LOST if chunk % 300 == 100 else RECEIVED)
        night.stage(*[bought(f"A-{person}", person, chance.randint(1, 60)) for person in again])
    erased = chance.sample(people, ERASURES)
    for number, person in enumerate(erased, start=1):
        assert erasure.erase_person(night.ledger, (subject(person),), f"case {number}").events
        assert redaction.wipe(night.ledger)
        assert in_files(night, person) == 0
    assert in_files(night, *erased) == 0
    assert in_files(night, *people) == len(people) - ERASURES
    assert_committed(night)
