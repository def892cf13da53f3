"""The constructs that are compiled per dialect, on SQLite; ``test_portable`` prepares them on PostgreSQL."""

import pytest
from sqlalchemy import create_engine, literal, select

from conversions.ledger.schema.dialect import json_has, json_lists, json_text, pages_of, text_with_lists


def test_every_value_of_a_long_list_is_compared() -> None:
    statement = text_with_lists("SELECT count(*) FROM (SELECT 70000 AS id UNION SELECT 5) t WHERE id IN :ids", "ids")
    with create_engine("sqlite://").connect() as connection:
        pages = list(pages_of(range(1, 100_001)))
        assert sum(connection.execute(statement, {"ids": page}).scalar_one() for page in pages) == 2
        assert connection.execute(statement, {"ids": []}).scalar_one() == 0


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (json_text(literal('{"t":12}'), "t"), "12"),
        (json_text(literal('{"events":[[1,2]]}'), "events"), "[[1,2]]"),
        (json_text(literal("{}"), "t"), None),
        (json_lists(literal('["A","B"]'), "B"), True),
        (json_lists(literal('["AB"]'), "B"), False),
        (json_has(literal(b'{"a":[{"b":1}]}'), "$.a[0].b"), True),
        (json_has(literal(b'{"a":[]}'), "$.a[0].b"), False),
    ],
)
def test_json_is_read_by_its_construct(expression: object, expected: object) -> None:
    with create_engine("sqlite://").connect() as connection:
        assert connection.execute(select(expression)).scalar() == expected  # type: ignore[call-overload]
