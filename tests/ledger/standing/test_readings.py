"""Spans of sales: packed and unpacked alike, and the same sales as the list that they were made of."""

import sqlite3
from contextlib import closing
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import StaticPool, create_engine

from conversions.ledger.schema import tables
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


READ = st.lists(st.tuples(SALES, st.sets(st.integers(0, 2))), max_size=4)


@given(READ, st.dictionaries(st.tuples(st.integers(1, 300), st.integers(0, 2)), st.integers(1, 6)))
def test_the_last_run_before_another_is_the_newest_that_read_the_order_for_its_destination(
    read: list[tuple[list[int], set[int]]], asked: dict[tuple[int, int], int]
) -> None:
    with closing(sqlite3.connect(":memory:")) as store:
        engine = create_engine("sqlite://", creator=lambda: store, poolclass=StaticPool)
        with engine.connect() as connection:
            tables.reading.create(connection)
            for run, (sales, destinations) in enumerate(read, start=1):
                readings.remember(connection, run, 0, destinations, sales)
            found = readings.last_runs(connection, {sale << 6 | at: run for (sale, at), run in asked.items()})

    walked = {
        sale << 6 | at: run
        for (sale, at), before in asked.items()
        for run, (sales, destinations) in enumerate(read, start=1)
        if run < before and sale in sales and at in destinations
    }
    assert found == walked
