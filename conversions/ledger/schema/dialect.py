"""The few SQL constructs that SQLite and PostgreSQL write differently. Other statements are text that both accept."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from sqlalchemy import Boolean, Text, TextClause, bindparam, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

MAX_LISTED = 30_000
"""Values in one list of a statement; SQLite allows 32,766 in a statement."""

T = TypeVar("T")


def text_with_lists(statement: str, *lists: str) -> TextClause:
    """Return *statement*, in which each name of *lists* stands for any number of values: ``id IN :ids``."""
    return text(statement).bindparams(*(bindparam(name, expanding=True) for name in lists))


def pages_of(values: Iterable[T], size: int = MAX_LISTED) -> Iterator[list[T]]:
    """Split *values* into lists that fit into one statement."""
    listed = list(values)
    yield from (listed[at : at + size] for at in range(0, len(listed), size))


class json_text(FunctionElement[str]):  # noqa: N801 - used like a function
    """Value of a member of a JSON object as text: ``json_text(column, "member")``; NULL where there is none."""

    name, type, inherit_cache = "json_text", Text(), True


class json_lists(FunctionElement[bool]):  # noqa: N801
    """Whether a list of texts contains a text: ``json_lists(column of a list, text)``."""

    name, type, inherit_cache = "json_lists", Boolean(), True


class json_has(FunctionElement[bool]):  # noqa: N801
    """Whether JSON in bytes has a value at a path: ``json_has(column of bytes, "$.a[0].b")``."""

    name, type, inherit_cache = "json_has", Boolean(), True


def _operands(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]


@compiles(json_text)
def _json_text(element: json_text, compiler: SQLCompiler, **options: Any) -> str:
    column, member = _operands(element, compiler, **options)
    return f"CAST(json_extract({column}, '$.' || {member}) AS TEXT)"


@compiles(json_text, "postgresql")
def _json_text_postgresql(element: json_text, compiler: SQLCompiler, **options: Any) -> str:
    column, member = _operands(element, compiler, **options)
    return f"(CAST({column} AS json) ->> {member})"


@compiles(json_lists)
def _json_lists(element: json_lists, compiler: SQLCompiler, **options: Any) -> str:
    column, value = _operands(element, compiler, **options)
    return f"EXISTS (SELECT 1 FROM json_each({column}) listed WHERE listed.value = {value})"


@compiles(json_lists, "postgresql")
def _json_lists_postgresql(element: json_lists, compiler: SQLCompiler, **options: Any) -> str:
    column, value = _operands(element, compiler, **options)
    values = f"json_array_elements_text(CAST({column} AS json))"
    return f"EXISTS (SELECT 1 FROM {values} AS listed(value) WHERE listed.value = {value})"


@compiles(json_has)
def _json_has(element: json_has, compiler: SQLCompiler, **options: Any) -> str:
    column, path = _operands(element, compiler, **options)
    return f"(json_type(CAST({column} AS TEXT), {path}) IS NOT NULL)"


@compiles(json_has, "postgresql")
def _json_has_postgresql(element: json_has, compiler: SQLCompiler, **options: Any) -> str:
    column, path = _operands(element, compiler, **options)
    return f"jsonb_path_exists(CAST(convert_from({column}, 'UTF8') AS jsonb), CAST({path} AS jsonpath))"
