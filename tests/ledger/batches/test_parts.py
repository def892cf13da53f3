"""A request's places come back in the order of the wire, whatever they are."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from conversions.ledger.batches import parts
from conversions.ledger.batches.contents import place
from conversions.ledger.schema import tables
from tests.ledger import stored
from tests.ledger.batches.sealing import sealed
from tests.ledger.builders import Night, orders

PLACES = st.lists(st.builds(place, st.integers(1, 4), st.integers(0, 12) | st.integers(4090, 4095)), max_size=40)


@pytest.fixture
def free(night: Night) -> Night:
    """A store in which parts need neither a request nor a batch."""
    driver = night.ledger.connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys=OFF")
    return night


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=PLACES, others=PLACES)
def test_places_come_back_in_their_order(free: Night, places: list[int], others: list[int]) -> None:
    with free.ledger.transaction() as connection:
        connection.execute(tables.request_part.delete())
        parts.write(connection, 1, places)
        parts.write(connection, 2, others)
        assert parts.places(connection, [1, 2, 3]) == {n: p for n, p in ((1, places), (2, others)) if p}
        for at in {*places, *others}:
            has = text(f"SELECT request FROM request_part x WHERE {parts.has_place('x', ':at')}")
            found = connection.execute(has, {"at": at}).scalars().all()
            assert sorted(found) == sorted([1] * places.count(at) + [2] * others.count(at))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=PLACES)
@example(places=[place(1, 4095), place(2, 0)])
def test_places_that_follow_each_other_in_a_batch_are_one_part(free: Night, places: list[int]) -> None:
    with free.ledger.transaction() as connection:
        connection.execute(tables.request_part.delete())
        parts.write(connection, 1, places)
        rows = connection.execute(select(tables.request_part).order_by(tables.request_part.c.first)).all()
    assert sum(row.events for row in rows) == len(places)
    for before, after in pairwise(rows):
        follows, last = before.place + before.events == after.place, before.place + before.events - 1
        assert not follows or last >> 12 != after.place >> 12
        assert before.first + before.events == after.first
    for row in rows:
        assert row.place >> 12 == row.place + row.events - 1 >> 12


def test_a_batch_names_the_newest_request_that_has_some_of_it(night: Night) -> None:
    night.stage(*orders(4))
    template = night.outbox(max_events=2)

    numbers = [night.intend(template).request for _ in range(2)]

    (batch,) = night.all(select(tables.batch.c.request).where(tables.batch.c.destination == 2))
    assert batch.request == numbers[-1]


def test_the_events_of_a_request_are_those_at_its_places(free: Night) -> None:
    keys = sealed(free, [b"%d" % i for i in range(9)], {1: 4})
    at = {event.id: event.place for event in stored.events(free.path)}
    order = [keys[i] for i in (8, 3, 4, 5, 0, 7)]
    with free.ledger.transaction() as connection:
        parts.write(connection, 1, [at[key] for key in order])
        assert parts.events(connection, [1]) == {1: order}
    parts_of_it = free.all(select(tables.request_part.c.first, tables.request_part.c.events))
    assert [tuple(row) for row in parts_of_it] == [(0, 1), (1, 1), (2, 2), (4, 1), (5, 1)]
