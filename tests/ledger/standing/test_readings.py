"""Spans of sales: packed and unpacked alike, and the same sales as the list that they were made of."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from conversions.ledger.standing import readings

SALES = st.sets(st.integers(1, 300)).map(sorted)


@given(SALES)
def test_spans_have_the_sales_and_no_others(sales: list[int]) -> None:
    spans = list(readings.unpack(readings.pack(readings.spans_of(sales))))

    assert [sale for first, last in spans for sale in range(first, last + 1)] == sales
    assert [sale for sale in range(302) if readings.contains(spans, sale)] == sales


@given(SALES)
def test_spans_do_not_touch(sales: list[int]) -> None:
    spans = readings.spans_of(sales)

    assert all(later[0] > before[1] + 1 for before, later in pairwise(spans))
