"""The part of the GraphQL language that a query for orders needs: names, arguments, variables, nested selections.

Source: the GraphQL specification of October 2021, section 2.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r'[\s,]*(?:(?P<token>[{}():!\[\]=]|\$?[A-Za-z_]\w*|-?\d+|"(?:[^"\\\n]|\\.)*")|(?P<end>$))')
_CONSTANTS = {"true": True, "false": False, "null": None}


class QueryError(ValueError):
    """A query that the API refuses; the text says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a selection."""

    name: str
    arguments: Mapping[str, Any]
    fields: tuple["Field", ...]


def parse(text: str, variables: Mapping[str, Any]) -> tuple[Field, ...]:
    """Return the selection of a query. Raises QueryError."""
    return _Parser(text, variables).document()


class _Parser:
    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens = list(_tokens(text))
        self._variables = variables
        self._declared: set[str] = set()

    def document(self) -> tuple[Field, ...]:
        if self._peek() in {"query", "mutation"}:
            self._next()
            if self._peek() not in {"{", "("}:
                self._next()  # the query's name
            if self._peek() == "(":
                self._declarations()
        fields = self._selection()
        if self._tokens:
            raise QueryError(f"syntax error at {self._peek()!r}")
        return fields

    def _declarations(self) -> None:
        self._expect("(")
        while self._peek() != ")":
            name = self._next()
            self._expect(":")
            kind = self._next()
            if self._peek() == "!":
                self._next()
                if self._variables.get(name[1:]) is None:
                    raise QueryError(f"Variable {name} of type {kind}! was provided invalid value")
            self._declared.add(name)
        self._expect(")")

    def _selection(self) -> tuple[Field, ...]:
        self._expect("{")
        fields = []
        while self._peek() != "}":
            name = self._next()
            if not name.isidentifier():
                raise QueryError(f"syntax error at {name!r}")
            arguments = self._arguments() if self._peek() == "(" else {}
            fields.append(Field(name, arguments, self._selection() if self._peek() == "{" else ()))
        self._expect("}")
        return tuple(fields)

    def _arguments(self) -> dict[str, Any]:
        self._expect("(")
        arguments = {}
        while self._peek() != ")":
            name = self._next()
            self._expect(":")
            arguments[name] = self._value(self._next())
        self._expect(")")
        return arguments

    def _value(self, token: str) -> Any:
        if token.startswith("$"):
            if token not in self._declared:
                raise QueryError(f"Variable {token} is used but not declared")
            return self._variables.get(token[1:])
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        return token if token.isidentifier() else json.loads(token)

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise QueryError("syntax error at the end")
        return self._tokens.pop(0)

    def _expect(self, token: str) -> None:
        if (found := self._next()) != token:
            raise QueryError(f"syntax error: expected {token!r}, found {found!r}")


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        if match is None:
            raise QueryError(f"syntax error at character {at}")
        if match["token"] is None:
            return
        yield match["token"]
        at = match.end()
