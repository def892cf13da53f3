"""A batch holds one destination and one purchase day, at most one request's worth, in the order of the events."""

from collections import defaultdict

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from conversions.ledger.batches.seal import NewEvent, seal
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import MAX_POSITIONS
from conversions.ledger.subjects import suppressions
from tests.ledger import stored
from tests.ledger.batches.sealing import keys_of, new_sales, sealed
from tests.ledger.builders import PRICE, Night, subject

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=st.lists(st.tuples(st.sampled_from([1, 2]), st.sampled_from(DAYS)), min_size=1, max_size=40),
    limits=st.dictionaries(st.sampled_from([1, 2]), st.integers(1, 9)),
)
@example(drawn=[(1, DAYS[0])] * 5, limits={1: 2})
def test_limits_days_and_destinations_are_kept_apart(
    night: Night, drawn: list[tuple[int, str]], limits: dict[int, int]
) -> None:
    sales = zip(new_sales(night, len(drawn)), drawn, strict=True)
    keys = [keys_of([sale], destination)[0] for sale, (destination, _) in sales]
    newest = max((row.id for row in night.all(select(tables.batch.c.id))), default=0)
    with night.ledger.transaction() as connection:
        events = [NewEvent(key, day, PRICE, b"%d" % key) for key, (_, day) in zip(keys, drawn, strict=True)]
        seal(connection, night.run.id, events, limits)

    by_key, members = stored.by_key(night.path), defaultdict[int, list[int]](list)
    for key, (destination, day) in zip(keys, drawn, strict=True):
        assert by_key[key].body == b"%d" % key
        batch = night.one(select(tables.batch).where(tables.batch.c.id == by_key[key].place >> 12))
        assert (batch.destination, batch.day, batch.run, batch.read_run) == (destination, day, *[night.run.id] * 2)
        members[batch.id].append(by_key[key].place & 4095)
    for batch in night.all(select(tables.batch).where(tables.batch.c.id > newest)):
        assert sorted(members[batch.id]) == list(range(batch.events))
        assert batch.events <= limits.get(batch.destination, MAX_POSITIONS)
        assert members[batch.id] == sorted(members[batch.id])
    groups = defaultdict[tuple[int, str], int](int)
    for group in drawn:
        groups[group] += 1
    assert len(members) == sum(-(-count // limits.get(group[0], MAX_POSITIONS)) for group, count in groups.items())


def test_no_batch_has_more_positions_than_a_place_can_say(night: Night) -> None:
    sealed(night, [b"x"] * (MAX_POSITIONS + 1), {1: 10**6})

    assert [row.events for row in night.all(select(tables.batch).order_by(tables.batch.c.id))] == [MAX_POSITIONS, 1]


def test_a_batch_says_up_to_which_entry_the_list_was_asked(night: Night) -> None:
    sealed(night, [b"before"])
    for person in ("ida", "bo"):
        suppressions.add(night.ledger, (subject(person),), None)
    suppressions.remove(night.ledger, (subject("bo"),), "letter")
    sealed(night, [b"after"])

    assert [row.objection for row in night.all(select(tables.batch).order_by(tables.batch.c.id))] == [0, 2]


def test_nothing_to_seal_writes_nothing(night: Night) -> None:
    sealed(night, [])

    assert night.all(select(tables.batch)) == []
