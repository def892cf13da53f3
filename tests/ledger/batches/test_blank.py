"""Erased events leave sizes, lengths and commitments; unsent ones leave their batch, and an empty batch goes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as events_of_engine
from sqlalchemy import select

from conversions.ledger.batches.blank import blank, kept_payloads, move_out
from conversions.ledger.batches.contents import split
from conversions.ledger.log.merkle import root_of
from conversions.ledger.outbox import settle
from conversions.ledger.schema import tables
from conversions.ledger.subjects import redaction
from conversions.ledger.subjects.scrub import remove_remnants
from tests.ledger import stored
from tests.ledger.batches.sealing import sealed
from tests.ledger.batches.test_contents import BODIES
from tests.ledger.builders import RECEIVED, Night, draft, event, orders, sighting, subject

PIECE = 24
"""Bytes of a compressed batch that no other content repeats by chance."""


def blobs(night: Night) -> dict[int, Any]:
    return {row.batch: row for row in night.all(select(tables.blob))}


def places(night: Night) -> dict[int, int]:
    return {row.id: row.place for row in night.all(select(tables.event))}


def digest(number: int) -> str:
    """As in an event: of an address, so that no two events are alike."""
    return sha256(b"%d" % number).hexdigest()


@contextmanager
def statements(night: Night) -> Iterator[list[tuple[str, Any]]]:
    """What is executed meanwhile."""
    seen: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    events_of_engine.listen(night.ledger.connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        events_of_engine.remove(night.ledger.connection, "before_cursor_execute", note)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(BODIES, min_size=1, max_size=20), data=st.data())
def test_blanking_keeps_sizes_lengths_the_root_and_the_others(
    night: Night, bodies: list[bytes], data: st.DataObject
) -> None:
    keys = sealed(night, bodies)
    before, (batch,) = stored.by_key(night.path), {place >> 12 for k, place in places(night).items() if k in keys}
    row, root = blobs(night)[batch], root_of([before[key].leaf_value for key in keys])
    gone = {keys[i] for i in data.draw(st.sets(st.integers(0, len(keys) - 1), min_size=1))}
    for some in data.draw(st.permutations([sorted(gone)[::2], sorted(gone)[1::2]])):
        with night.ledger.transaction() as connection:
            blank(connection, some)

    after, now = stored.by_key(night.path), blobs(night)[batch]
    assert root_of([after[key].leaf_value for key in keys]) == root
    assert (now.form, now.members, now.sizes) == (row.form, row.members, row.sizes)
    assert len(now.salts) == len(row.salts) + 16 * len(gone)  # a commitment is longer than a seed
    assert len(now.amounts) >= len(row.amounts)
    assert (now.bytes is None) == (len(gone) == len(keys))
    assert now.bytes is None or len(now.bytes) >= len(row.bytes)
    for key in keys:
        assert after[key].place == before[key].place
        if key in gone:
            assert (after[key].body, after[key].value) == (None, 0)
        else:
            assert after[key] == before[key]
    with night.ledger.transaction() as connection:
        assert kept_payloads(connection, keys) == [key for key in keys if key not in gone]


def test_events_as_they_are_keep_the_length_of_their_row(night: Night) -> None:
    """Every event has a digest of its own, so that zeros in its place always compress better."""
    night.stage(*[sighting(f"A-{i}", draft(f"A-{i}", event=event(digest(i)))) for i in range(50)])
    before = blobs(night)
    for key in [*places(night)][::7]:
        with night.ledger.transaction() as connection:
            blank(connection, [key])

    assert {b: len(row.bytes) for b, row in blobs(night).items()} == {b: len(row.bytes) for b, row in before.items()}


def test_a_row_is_overwritten_with_zeros_where_it_is_before_it_changes(night: Night) -> None:
    """Equal values compress better than these values and one zero: the row grows, and SQLite moves it."""
    keys = sealed(night, [b'{"id":"%03d"}' % i for i in range(300)])
    ((_, before),) = blobs(night).items()
    with statements(night) as seen, night.ledger.transaction() as connection:
        blank(connection, keys[100:101])

    (first, *_) = [parameters for statement, parameters in seen if statement.startswith("UPDATE blob")]
    assert bytes(len(before.amounts)) in first
    assert bytes(len(before.bytes)) in first
    assert bytes(len(before.salts)) in first
    ((_, after),) = blobs(night).items()
    assert len(after.amounts) > len(before.amounts)


def test_of_a_batch_that_is_all_erased_no_file_holds_a_piece(night: Night) -> None:
    night.stage(*[sighting(f"A-{i}", draft(f"A-{i}", event=event(digest(i)))) for i in range(400)])
    settle(night.ledger, night.run, night.intend(night.outbox()), RECEIVED)
    pieces = {row.bytes[at : at + PIECE] for row in blobs(night).values() for at in range(0, len(row.bytes), PIECE)}
    salts = {row.salts[at : at + 16] for row in blobs(night).values() for at in range(0, len(row.salts), 16)}
    held = b"".join(file.read_bytes() for file in night.path.parent.iterdir())
    assert sum(piece in held for piece in pieces) > len(pieces) // 2
    everything = [*places(night)]
    with night.ledger.transaction() as connection:
        redaction.redact(connection, everything)
    assert remove_remnants(night.ledger)

    held = b"".join(file.read_bytes() for file in night.path.parent.iterdir())
    found = re.findall(b"|".join(map(re.escape, sorted(pieces | salts))), held)
    assert found == []


def test_blanking_again_changes_nothing(night: Night) -> None:
    keys = sealed(night, [b"one", b"two"])
    for _ in range(2):
        with night.ledger.transaction() as connection:
            blank(connection, keys[:1])
        rows = blobs(night)
    with night.ledger.transaction() as connection:
        blank(connection, keys[:1])
    assert blobs(night) == rows


# what is unsent


def test_a_batch_that_no_request_names_goes_with_its_last_event(night: Night) -> None:
    keys = sealed(night, [b"one", b"two", b"three"])
    for left in ([None, b"two", b"three"], [None, None, b"three"]):
        with night.ledger.transaction() as connection:
            move_out(connection, [keys[left.count(None) - 1]])
        ((number, row),) = blobs(night).items()
        assert split(row.bytes, [3, 3, 5]) == left
        assert night.one(select(tables.batch.c.events).where(tables.batch.c.id == number)) == (3,)
    with night.ledger.transaction() as connection:
        move_out(connection, keys[2:])

    assert (blobs(night), places(night), night.all(select(tables.batch))) == ({}, {}, [])


def test_unsent_events_of_a_batch_that_a_request_names_are_blanked(night: Night) -> None:
    night.stage(*orders(3))
    attempt = night.intend(night.outbox(max_events=1))
    settle(night.ledger, night.run, attempt, RECEIVED)
    before = stored.by_key(night.path)
    unsent = [key for key, one in before.items() if key >> 8 & 63 == 2 and key not in attempt.events]
    with night.ledger.transaction() as connection:
        move_out(connection, unsent)

    assert not {*unsent} & {*places(night)}
    assert stored.by_key(night.path)[attempt.events[0]] == before[attempt.events[0]]
    row = blobs(night)[before[attempt.events[0]].place >> 12]
    assert [body is None for body in split(row.bytes, [len(event("A-0"))] * 3)] == [False, True, True]
    assert night.one(select(tables.batch.c.events).where(tables.batch.c.id == row.batch)) == (3,)


def test_an_event_that_is_sealed_again_is_its_new_buyers(night: Night) -> None:
    """The key stays, so the earlier buyer of the event before must go with it."""
    (key,) = sealed(night, [b"one"])
    with night.ledger.transaction() as connection:
        connection.execute(tables.earlier_person.insert().values(event=key, subject=subject("bo")))
        move_out(connection, [key])
    night.seal(key >> 8, 0, b"another")

    (found,) = stored.events(night.path)
    assert (found.id, found.body, found.subject) == (key, b"another", subject("ida"))


def test_orders_without_an_event_are_no_fault(night: Night) -> None:
    keys = sealed(night, [b"one"])
    with night.ledger.transaction() as connection:
        move_out(connection, [key + 1 for key in keys])

    assert len(places(night)) == 1
