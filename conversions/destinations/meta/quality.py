"""How Meta rates a dataset: ``GET /dataset_quality`` (Dataset Quality API, read 2026-11-30).

Its form has changed before: any number is taken under the names that lead to it, and nothing but numbers is.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

FIELDS = {True: "offline{composite,match_key,frequency,freshness}", False: "web{event_name,event_match_quality}"}
"""By whether the events are uploaded as offline ones."""
MAX_FIGURES = 20
"""Figures."""
_NAME = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
_DEEP = 6


def figures(body: bytes) -> dict[str, float]:
    """The figures of our event by dotted name, the first ones; empty where the answer is none."""
    try:
        said = from_json(body)
    except ValueError:
        return {}
    found: dict[str, float] = {}
    for name, value in _numbers(said, ()):
        if len(found) < MAX_FIGURES:
            found.setdefault(name, value)
    return found


def _numbers(said: Any, path: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    match said:
        case bool():
            return
        case int() | float() if path and math.isfinite(said) and abs(said) < 10**9:
            yield ".".join(path), float(said)
        case dict() if len(path) < _DEEP and said.get("event_name", "Purchase") == "Purchase" and "error" not in said:
            for name, inner in said.items():
                if _NAME.fullmatch(name):
                    yield from _numbers(inner, (*path, name))
        case list() if not any(isinstance(one, dict) and "identifier" in one for one in said):
            for one in said:
                yield from _numbers(one, path)
