"""Sightings of one reading: an order counts once, its newest sighting wins, and two orders of one number are none."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.conversion import Money, Reason
from conversions.ledger import sightings as module
from conversions.ledger.matrix import Draft
from conversions.ledger.sightings import Conflict, Sighting, Sightings, open_sightings
from tests.ledger.builders import PRICE, against, draft, sighting, subject


def orders_in(found: Sightings) -> list[Sighting]:
    return [one for page in found.pages() for one in page]


def seen(*shown: Sighting) -> list[Sighting]:
    with open_sightings() as found:
        found.add(shown)
        return orders_in(found)


# one order


@pytest.mark.parametrize(
    "one",
    [
        draft("1"),
        draft("1", due=Money(0, "JPY", 0), ready_at=None, expires_at=None),
        draft("1", event=b'{"id":"\\u00f8\\"\\\\"}'),
        against(Reason.DENIED),
        against(Reason.SHAPE, quarantined=True, due=Money(-(10**17), "XXX", 9)),
    ],
)
def test_what_was_added_comes_back_as_it_was(one: Draft) -> None:
    shown = sighting("Ø-1 '\"\n", one, draft("1"), rank=(7, 3), stated=Money(-1, "DKK", 2))

    assert seen(shown) == [shown]


def test_an_order_without_a_usable_address_comes_back_too() -> None:
    shown = sighting("1", against(Reason.NO_EMAIL), subject=None)

    assert seen(shown) == [shown]


# repeated orders


@pytest.mark.parametrize("newer_first", [True, False])
@pytest.mark.parametrize("rank", [(1, 0), (0, 2)])
def test_the_newest_sighting_wins_wherever_it_stands(newer_first: bool, rank: tuple[int, int]) -> None:
    old, new = sighting("1"), sighting("1", against(Reason.NOT_COMPLETED), rank=rank, stated=Money(1, "SEK", 2))

    assert seen(*([new, old] if newer_first else [old, new])) == [new]


def test_of_two_equally_new_sightings_the_first_stays() -> None:
    first, second = sighting("1"), sighting("1", against(Reason.NOT_COMPLETED))

    assert seen(first, second) == [first]


def test_the_winner_is_taken_whole() -> None:
    old = sighting("1", day="2026-11-01", stated=Money(1, "SEK", 0))
    new = sighting("1", draft("2"), day="2026-11-02", stated=PRICE, rank=(9, 9))

    assert seen(old, new) == [new]


def test_a_third_sighting_older_than_the_second_changes_nothing() -> None:
    shown = [sighting("1", draft(str(time)), rank=(time, 0)) for time in (1, 9, 5)]

    assert seen(*shown) == [shown[1]]


def test_repeats_are_counted() -> None:
    with open_sightings() as found:
        found.add([sighting("1"), sighting("2"), sighting("1")])
        found.add([sighting("1")])

        assert found.repeated() == 2


def test_nothing_read_repeats_nothing() -> None:
    with open_sightings() as found:
        assert (found.repeated(), list(found.stated()), list(found.conflicts()), orders_in(found)) == (0, [], [], [])


# conflicts


@pytest.mark.parametrize(
    "other",
    [
        sighting("1", subject=subject("somebody else"), rank=(9, 9)),
        sighting("1", subject=None, rank=(9, 9)),
        sighting("1", purchased_us=1, rank=(9, 9)),
    ],
    ids=["another address", "no address", "another purchase time"],
)
def test_one_number_for_two_orders_is_a_conflict_and_neither_is_taken(other: Sighting) -> None:
    for shown in ([sighting("1"), other], [other, sighting("1")]):
        with open_sightings() as found:
            found.add([*shown, sighting("2")])

            assert list(found.conflicts()) == [Conflict("1", 2)]
            assert orders_in(found) == [sighting("2")]
            assert list(found.stated()) == [(PRICE, 1)]


def test_a_conflict_is_not_mended_by_a_third_row() -> None:
    with open_sightings() as found:
        found.add([sighting("1"), sighting("1", purchased_us=1), sighting("1", rank=(9, 9))])

        assert list(found.conflicts()) == [Conflict("1", 3)]
        assert found.repeated() == 0


def test_two_sightings_without_an_address_are_one_order() -> None:
    nobody = sighting("1", subject=None)

    assert seen(nobody, nobody) == [nobody]


# totals and pages


def test_what_orders_are_worth_is_summed_by_currency_and_decimals() -> None:
    prices = [Money(10, "DKK", 2), Money(-3, "DKK", 2), Money(5, "DKK", 3), Money(7, "SEK", 2)]
    with open_sightings() as found:
        found.add(sighting(str(i), stated=price) for i, price in enumerate(prices))

        assert sorted(found.stated(), key=str) == [
            (Money(5, "DKK", 3), 1),
            (Money(7, "DKK", 2), 2),
            (Money(7, "SEK", 2), 1),
        ]


def test_sums_of_a_misread_column_do_not_overflow() -> None:
    with open_sightings() as found:
        found.add(sighting(str(i), stated=Money(10**18 - 1, "DKK", 2)) for i in range(20))

        assert list(found.stated()) == [(Money(20 * (10**18 - 1), "DKK", 2), 20)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7])
def test_pages_hold_every_order_once_in_the_order_of_first_sighting(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    shown = [sighting(f"{9 - i}") for i in range(count)]
    with open_sightings() as found:
        found.add(shown)
        found.add([sighting("9", rank=(5, 5))] if count else [])
        pages = list(found.pages())

    assert [one.order_no for page in pages for one in page] == [f"{9 - i}" for i in range(count)]
    assert all(1 <= len(page) <= 3 for page in pages)


def test_two_readings_share_nothing() -> None:
    with open_sightings() as one, open_sightings() as other:
        one.add([sighting("1")])

        assert orders_in(other) == []


SIGHTINGS = st.builds(
    lambda number, person, at, rank, minor: sighting(
        number,
        draft(number, due=Money(minor, "DKK", 2)),
        subject=subject(person),
        purchased_us=at,
        rank=rank,
        stated=Money(minor, "DKK", 2),
    ),
    st.sampled_from("abcd"),
    st.sampled_from(["anna", "anna", "anna", "bo"]),
    st.sampled_from([1, 1, 1, 2]),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.integers(-5, 10**9),
)


@given(st.lists(SIGHTINGS, max_size=12), st.integers(0, 12))
def test_they_are_what_a_plain_dictionary_would_keep(shown: list[Sighting], cut: int) -> None:
    rows: dict[str, list[Sighting]] = defaultdict(list)
    for one in shown:
        rows[one.order_no].append(one)
    conflicts = {n: len(r) for n, r in rows.items() if len({(s.subject, s.purchased_us) for s in r}) > 1}
    kept = {n: max(r, key=lambda s: s.rank) for n, r in rows.items() if n not in conflicts}

    with open_sightings() as found:
        found.add(shown[:cut])
        found.add(shown[cut:])

        assert orders_in(found) == list(kept.values())
        assert {c.order_no: c.rows for c in found.conflicts()} == conflicts
        assert found.repeated() == sum(len(rows[number]) - 1 for number in kept)
        assert found.repeated() + len(kept) + sum(conflicts.values()) == len(shown)
        worth = Counter({"DKK": sum(s.stated.minor for s in kept.values())}) if kept else Counter()
        assert {money.currency: money.minor for money, _ in found.stated()} == worth
