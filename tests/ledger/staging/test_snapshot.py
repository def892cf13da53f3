"""The source snapshot: an order counts once, by its newest row; two orders of one number are bad rows."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row, text

from conversions.ledger import store
from conversions.ledger.staging.snapshot import AmbiguousRow, Resolution, SourceSnapshot
from conversions.ledger.staging.transitions import Incoming
from conversions.ledger.store import Ledger
from conversions.model.conversion import Money, Reason
from tests.ledger.builders import (
    PRICE,
    Clock,
    Sighting,
    against,
    draft,
    fresh_sightings,
    resolved,
    seen,
    sighting,
    subject,
)

_LEFT = text("""
    SELECT s.order_no, s.subject, s.purchased_us, s.day, s.rank_us, s.rank_place, s.minor, s.currency, s.exponent,
    d.reason, d.quarantined, d.due_minor, d.fingerprint, d.event, d.ready_at, d.expires_at
    FROM temp.order_row s JOIN temp.draft d ON d.id IN (s.id * 2 - 1, s.id * 2) ORDER BY s.id, d.id
""")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with store.empty(Clock()) as ledger:
        yield ledger


def reading(ledger: Ledger, *shown: Sighting) -> SourceSnapshot:
    """A whole snapshot, in two batches."""
    found = fresh_sightings(ledger, [1, 2])
    found.add(seen(*shown[:2]))
    found.add(seen(*shown[2:]))
    resolved(found)
    return found


def resolving(ledger: Ledger, *shown: Sighting, ranked: bool = False) -> Resolution:
    """Resolve the rows that occur more than once."""
    found = fresh_sightings(ledger, [1, 2])
    found.add(seen(*shown))
    return resolved(found, ranked=ranked)


def left(ledger: Ledger) -> list[Sighting]:
    """The order rows that are left."""
    with ledger.transaction() as connection:
        rows = connection.execute(_LEFT).all()
    return [_sighting(google, meta) for google, meta in zip(rows[::2], rows[1::2], strict=True)]


def bad_rows(ledger: Ledger) -> dict[str, list[str]]:
    """Reasons of bad rows, by order number."""
    with ledger.transaction() as connection:
        rows = connection.execute(text("SELECT order_no, reason FROM temp.bad_row ORDER BY id")).all()
    found: dict[str, list[str]] = defaultdict(list)
    for number, reason in rows:
        found[number].append(reason)
    return dict(found)


def _sighting(one: Row[Any], meta: Row[Any]) -> Sighting:
    stated = Money(one.minor, one.currency, one.exponent)
    drafts = tuple(_draft(row, stated) for row in (one, meta))
    rank = (one.rank_us, one.rank_place)
    return Sighting(one.order_no, drafts, one.subject, one.purchased_us, one.day, rank, stated)


def _draft(row: Row[Any], stated: Money) -> Incoming:
    due = Money(row.due_minor, stated.currency, stated.exponent)
    why = Reason(row.reason) if row.reason else None
    sendable = (row.fingerprint, row.event, row.ready_at, row.expires_at)
    return Incoming(why, bool(row.quarantined), due, *sendable)


def doubtful(at: int, number: str, field: str = "amount") -> AmbiguousRow:
    return AmbiguousRow(at, f"row {at}", "doubt", number, field, bytes([at]))


def test_an_ambiguous_row_is_set_aside_and_the_others_stay(ledger: Ledger) -> None:
    first, *others = shown = [sighting(number) for number in "123"]
    found = fresh_sightings(ledger, [1, 2])
    found.add(seen(*shown))
    found.add_ambiguous([doubtful(1, "1"), doubtful(1, "1", "refunded"), doubtful(3, "3", "refunded")])
    assert resolved(found, settled={"refunded"}) == Resolution(0, Counter({"doubt": 1}))

    assert left(ledger) == others
    assert bad_rows(ledger) == {"1": ["doubt"]}
    assert first not in left(ledger)


def test_a_newer_ambiguous_row_leaves_the_older_one_and_repeats_nothing(ledger: Ledger) -> None:
    old, new = sighting("1"), sighting("1", rank=(1, 0))
    found = fresh_sightings(ledger, [1, 2])
    found.add(seen(old, new))
    found.add_ambiguous([doubtful(2, "1")])
    assert resolved(found) == Resolution(0, Counter({"doubt": 1}))
    assert left(ledger) == [old]


def kept(ledger: Ledger, *shown: Sighting) -> list[Sighting]:
    reading(ledger, *shown)
    return left(ledger)


# one order


@pytest.mark.parametrize(
    "one",
    [
        draft("1"),
        draft("1", ready_at=None, expires_at=None),
        draft("1", event=b'{"id":"\\u00f8\\"\\\\"}'),
        against(Reason.DENIED),
        against(Reason.SHAPE, quarantined=True, due=Money(-(10**17), "DKK", 2)),
    ],
)
def test_what_was_added_comes_back_as_it_was(ledger: Ledger, one: Incoming) -> None:
    shown = sighting("Ø-1 '\"\n", one, draft("1"), rank=(7, 3))

    assert kept(ledger, shown) == [shown]


def test_an_order_without_a_usable_address_comes_back_too(ledger: Ledger) -> None:
    shown = sighting("1", against(Reason.NO_EMAIL), subject=None)

    assert kept(ledger, shown) == [shown]


def test_every_destination_keeps_its_own_draft(ledger: Ledger) -> None:
    shown = [sighting(str(i), draft(f"g{i}"), draft(f"m{i}")) for i in range(5)]

    assert kept(ledger, *shown) == shown


# repeated orders


@pytest.mark.parametrize("newer_first", [True, False])
@pytest.mark.parametrize("rank", [(1, 0), (0, 2)])
def test_the_newest_row_counts_at_any_place(ledger: Ledger, newer_first: bool, rank: tuple[int, int]) -> None:
    old, new = sighting("1"), sighting("1", against(Reason.NOT_COMPLETED), rank=rank)

    assert kept(ledger, *([new, old] if newer_first else [old, new])) == [new]


def test_of_two_equally_new_rows_the_first_stays(ledger: Ledger) -> None:
    first, second = sighting("1"), sighting("1", against(Reason.NOT_COMPLETED))

    assert kept(ledger, first, second) == [first]


def test_the_winner_is_taken_whole(ledger: Ledger) -> None:
    old = sighting("1", draft("1", due=Money(1, "SEK", 0)), day="2026-11-01", stated=Money(1, "SEK", 0))
    new = sighting("1", draft("2"), day="2026-11-02", stated=PRICE, rank=(9, 9))

    assert kept(ledger, old, new) == [new]


def test_a_third_row_older_than_the_second_changes_nothing(ledger: Ledger) -> None:
    shown = [sighting("1", draft(str(time)), rank=(time, 0)) for time in (1, 9, 5)]

    assert kept(ledger, *shown) == [shown[1]]


def test_repeats_are_counted(ledger: Ledger) -> None:
    found = resolving(ledger, sighting("1"), sighting("2"), sighting("1"), sighting("1"))

    assert found == Resolution(2, Counter())


def test_nothing_read_repeats_nothing(ledger: Ledger) -> None:
    assert resolving(ledger) == Resolution(0, Counter())
    assert left(ledger) == []


# conflicts


@pytest.mark.parametrize(
    "other",
    [
        sighting("1", subject=subject("another buyer"), rank=(9, 9)),
        sighting("1", subject=None, rank=(9, 9)),
        sighting("1", purchased_us=1, rank=(9, 9)),
    ],
    ids=["another address", "no address", "another purchase time"],
)
def test_one_number_for_two_orders_is_a_conflict_and_neither_is_taken(ledger: Ledger, other: Sighting) -> None:
    for shown in ([sighting("1"), other], [other, sighting("1")]):
        found = reading(ledger, *shown, sighting("2"))

        assert bad_rows(ledger) == {"1": [Reason.CONFLICT] * 2}
        assert [one.order_no for one in left(ledger)] == ["2"]
        assert list(found.totals()) == [(PRICE, 1)]


def test_a_conflict_is_not_mended_by_a_third_row(ledger: Ledger) -> None:
    found = resolving(ledger, sighting("1"), sighting("1", purchased_us=1), sighting("1", rank=(9, 9)))

    assert found == Resolution(0, Counter({Reason.CONFLICT: 3}))


def test_two_rows_without_an_address_are_one_order(ledger: Ledger) -> None:
    anonymous = sighting("1", against(Reason.NO_EMAIL), subject=None)

    assert kept(ledger, anonymous, anonymous) == [anonymous]


# totals


def test_what_orders_are_worth_is_summed_by_currency_and_decimals(ledger: Ledger) -> None:
    prices = [Money(10, "DKK", 2), Money(-3, "DKK", 2), Money(5, "DKK", 3), Money(7, "SEK", 2)]
    found = reading(ledger, *[sighting(str(i), stated=price) for i, price in enumerate(prices)])

    assert sorted(found.totals(), key=str) == [
        (Money(5, "DKK", 3), 1),
        (Money(7, "DKK", 2), 2),
        (Money(7, "SEK", 2), 1),
    ]


def test_sums_of_a_misread_column_do_not_overflow(ledger: Ledger) -> None:
    found = reading(ledger, *[sighting(str(i), stated=Money(10**18 - 1, "DKK", 2)) for i in range(20)])

    assert list(found.totals()) == [(Money(20 * (10**18 - 1), "DKK", 2), 20)]


def test_two_readings_share_nothing(ledger: Ledger) -> None:
    reading(ledger, sighting("1"))

    with store.empty(Clock()) as other:
        assert kept(other, sighting("2"))[0].order_no == "2"
    assert [one.order_no for one in left(ledger)] == ["1"]


SIGHTINGS = st.builds(
    lambda number, person, at, rank, minor: sighting(
        number,
        draft(number, due=Money(minor, "DKK", 2)),
        subject=person and subject(person),
        purchased_us=at,
        rank=rank,
        stated=Money(minor, "DKK", 2),
    ),
    st.sampled_from("abcd"),
    st.sampled_from(["anna", "anna", "anna", "bo", None]),
    st.sampled_from([1, 1, 1, 2]),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.integers(-5, 10**9),
)


@given(st.lists(SIGHTINGS, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_they_are_what_a_plain_dictionary_would_keep(ledger: Ledger, shown: list[Sighting]) -> None:
    rows: dict[str, list[Sighting]] = defaultdict(list)
    for one in shown:
        rows[one.order_no].append(one)
    conflicts = {n: len(r) for n, r in rows.items() if len({(s.subject, s.purchased_us) for s in r}) > 1}
    newest = {n: max(r, key=lambda s: s.rank) for n, r in rows.items() if n not in conflicts}

    found = resolving(ledger, *shown, ranked=True)

    assert sorted(left(ledger), key=lambda s: s.order_no) == sorted(newest.values(), key=lambda s: s.order_no)
    assert {number: len(reasons) for number, reasons in bad_rows(ledger).items()} == conflicts
    assert found.repeated == sum(len(rows[number]) - 1 for number in newest)
    assert found.repeated + len(newest) + found.set_aside.total() == len(shown)


# rows of one order that contradict each other


def item(minor: int, place: int, **changed: Any) -> Sighting:
    """One row of order 1, in one file."""
    return sighting("1", stated=Money(minor, "DKK", 2), **{"rank": (0, place)} | changed)


@pytest.mark.parametrize(
    "shown",
    [
        [item(30000, 1), item(10000, 2), item(5000, 3)],
        [item(45000, 1, products=b"a"), item(45000, 2, products=b"b"), item(45000, 3, products=b"c")],
        [item(30000, 1, rank=(1, 1)), item(10000, 2, rank=(1, 2)), item(99, 3)],
    ],
    ids=["a row per item", "a total on each item's row", "beside an older file"],
)
def test_completed_rows_of_one_file_that_disagree_are_set_aside(ledger: Ledger, shown: list[Sighting]) -> None:
    for rows in (shown, shown[::-1]):
        assert resolving(ledger, *rows) == Resolution(0, Counter({Reason.SEVERAL_ROWS: len(rows)}))
        assert left(ledger) == []


@pytest.mark.parametrize(
    "shown",
    [
        [item(30000, 1, completed=False), item(30000, 2)],
        [item(5000, 1, completed=False), item(30000, 2)],
        [item(30000, 1), item(30000, 2, completed=False)],
        [item(30000, 1), item(0, 2, completed=False)],
        [item(30000, 1), item(30000, 2)],
        [item(30000, 1, rank=(1, 1)), item(28000, 2, rank=(2, 1))],
    ],
    ids=["pending, completed", "cart, completed", "completed, refunded whole", "cancelled", "twice", "a newer file"],
)
def test_of_rows_that_follow_each_other_the_newer_counts(ledger: Ledger, shown: list[Sighting]) -> None:
    assert resolving(ledger, *shown) == Resolution(1, Counter())
    assert [one.stated for one in left(ledger)] == [shown[0 if shown[0] == shown[1] else 1].stated]


def test_where_rows_say_when_they_changed_the_newer_counts(ledger: Ledger) -> None:
    assert resolving(ledger, item(30000, 1), item(10000, 2), ranked=True) == Resolution(1, Counter())
    assert [one.stated.minor for one in left(ledger)] == [10000]


@pytest.mark.parametrize(
    "refund",
    [
        item(-5000, 2, refund=True),
        item(-5000, 2, refund=True, completed=False),
        item(-5000, 2, refund=True, completed=False, purchased_us=1),
        item(-5000, 2, refund=True, purchased_us=1),
        item(-30000, 2, refund=True, rank=(9, 9)),
        item(5000, 2, completed=False),
    ],
    ids=[
        "completed",
        "of another status",
        "of another day",
        "completed, of another day",
        "in a newer file",
        "above zero",
    ],
)
def test_a_refund_in_a_row_of_its_own_never_loses_its_sale(ledger: Ledger, refund: Sighting) -> None:
    sale = item(30000, 1)

    assert resolving(ledger, sale, refund) == Resolution(0, Counter({Reason.REFUND_ROW: 1}))
    assert left(ledger) == [sale]


def test_a_refund_with_a_number_of_its_own_is_an_order_like_others(ledger: Ledger) -> None:
    assert resolving(ledger, item(-5000, 1, refund=True)) == Resolution(0, Counter())
    assert len(left(ledger)) == 1
