"""The shop's files as text: settings as TOML, exports as CSV."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any


def merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """*table* with *changes* in it, at any depth; None takes a key out."""
    result = dict(table)
    for key, change in changes.items():
        if change is None:
            result.pop(key, None)
        elif isinstance(change, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], change)
        else:
            result[key] = change
    return result


def toml(tables: Mapping[str, Any], prefix: str = "") -> str:
    """Enough TOML for settings: JSON's texts, numbers, truth values and lists are TOML's, too."""
    plain = {key: value for key, value in tables.items() if not isinstance(value, Mapping)}
    inner = {key: value for key, value in tables.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {_value(value)}\n" for key, value in plain.items()]
    return "".join([*lines, *(f"[{prefix}{key}]\n{toml(value, f'{prefix}{key}.')}" for key, value in inner.items())])


def _value(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def export(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """A CSV file as a shop writes it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
