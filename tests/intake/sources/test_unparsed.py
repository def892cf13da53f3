"""Words of the source that were not understood: named where they can hardly be a person's, otherwise counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.intake.sources import unparsed
from conversions.intake.sources.unparsed import MAX_DISTINCT_WORDS, UnparsedValues
from conversions.model.conversion import Window
from tests.intake.sources.shop import ADDRESS, MAPPED, WINDOW, columns


def noted(*words: str, field: str = "status", times: int = 2) -> UnparsedValues:
    found = UnparsedValues(columns(MAPPED))
    for word in words * times:
        found.note(field, word)
    return found


def named(*words: str, field: str = "status", times: int = 2) -> str:
    return noted(*words, field=field, times=times).words(field)


def test_words_that_stand_on_several_rows_are_named_the_most_frequent_first() -> None:
    assert named("Fuldført") == "`Fuldført`"
    assert named("Afsendt", " Fuldført ", "Fuldført") == "`Fuldført`, `Afsendt`"
    assert named("a", "b", "c", "d", "e").count("`") == 10


def test_an_empty_cell_is_named_too() -> None:
    assert named("", " ") == "nothing"


def test_nothing_noted_is_nothing_said() -> None:
    assert noted().words("status") == ""
    assert noted().describe("status") == "column `Status` (source.columns.status)"


@pytest.mark.parametrize(
    "word",
    [
        *("x" * 31, ADDRESS, ADDRESS.replace("@", "%40"), ADDRESS.replace("@", "\uff20"), "Ida\x1b[2J", "a\u202eb"),
        *("20123456", "tlf 4520123456", "\u0662\u0660\u0661\u0662\u0663\u0664\u0665\u0666"),
    ],
)
def test_one_word_that_may_be_a_persons_names_none(word: str) -> None:
    assert named(word) == "one value"
    assert named("Fuldført", word) == "2 different values"


@pytest.mark.parametrize("field", ["amount", "refunded", "purchased_at", "completed_at", "updated_at"])
def test_a_long_number_is_named_where_numbers_belong(field: str) -> None:
    assert named("20261120", field=field) == "`20261120`"


def test_a_word_on_one_row_only_names_none() -> None:
    assert named("Fuldført", times=1) == "one value"
    found = noted("Fuldført")
    found.note("status", "Ida Holm")
    assert found.words("status") == "2 different values"


def test_more_than_five_words_are_counted() -> None:
    assert named(*"abcdef") == "6 different values"


@pytest.mark.parametrize("field", ["email", "order_id"])
def test_neither_addresses_nor_order_numbers_are_ever_kept(field: str) -> None:
    assert named("Ida", field=field) == ""


def test_memory_is_flat_whatever_a_column_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unparsed, "MAX_DISTINCT_WORDS", 10)

    found = noted(*map(str, range(500)))

    assert found.words("status") == "over 10 different values"
    assert sum(len(words) for words in found._words.values()) == 11
    assert MAX_DISTINCT_WORDS == 1_000


def test_what_stands_on_orders_outside_the_window_is_not_noted() -> None:
    found = UnparsedValues(columns(MAPPED))
    found.reset(WINDOW)
    for day in (WINDOW.since, WINDOW.until, None, WINDOW.since.replace(day=1), WINDOW.until.replace(day=30)):
        found.note("status", "in" if day in {WINDOW.since, WINDOW.until, None} else "out", day)

    assert found.words("status") == "`in`"


def test_a_new_reading_begins_with_nothing() -> None:
    found = noted("Fuldført")
    found.reset(Window(WINDOW.since, WINDOW.until))

    assert found.words("status") == ""


def test_a_column_is_described_by_the_shops_name_and_the_setting() -> None:
    assert noted("293,0,0", field="amount").describe("amount") == (
        "column `Total` (source.columns.amount) holds `293,0,0`"
    )
    assert noted("kr", field="currency").describe("currency").endswith("(source.columns.currency) holds `kr`")


def test_advice_sees_words_that_are_not_named_and_the_first_rows() -> None:
    found = noted(*(f"{number},0,0" for number in range(14)), field="amount")
    for row in range(5):
        found.note("amount", f"{row}", place=f"a.csv row {row}")
    found.note("amount", "ida@example.com")

    assert found.words("amount") == "20 different values"
    assert set(found.shown("amount")) == {*(f"{number},0,0" for number in range(14)), *map(str, range(5))}
    assert found.places("amount") == ["a.csv row 0", "a.csv row 1", "a.csv row 2"]


@given(st.lists(st.text(max_size=40)))
def test_no_text_of_it_shows_a_word_that_it_does_not_name(words: list[str]) -> None:
    found = noted(*words, "Anna Jensen", times=1)

    assert "Anna" not in repr(found) + str(found) + found.describe("status")
    assert not hasattr(found, "__dict__")
