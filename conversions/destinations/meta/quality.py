"""Meta's quality scores of a dataset: ``GET /dataset_quality`` (Dataset Quality API, read 2026-11-30).

The form of the answer has changed before. So every number counts, under its path of names, and nothing else does.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

FIELDS = {True: "offline{composite,match_key,frequency,freshness}", False: "web{event_name,event_match_quality}"}
"""Query fields; the key is True for offline events."""
MAX_FIGURES = 20
_NAME = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
_MAX_DEPTH = 6


def figures(body: bytes) -> dict[str, float]:
    """Return the first figures of our event, by dotted name; empty where the answer is not JSON."""
    try:
        document = from_json(body)
    except ValueError:
        return {}
    by_name: dict[str, float] = {}
    for name, value in _numbers(document, ()):
        if len(by_name) < MAX_FIGURES:
            by_name.setdefault(name, value)
    return by_name


def _numbers(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    match node:
        case bool():
            return
        case int() | float() if path and math.isfinite(node) and abs(node) < 10**9:
            yield ".".join(path), float(node)
        case dict() if len(path) < _MAX_DEPTH and _is_purchase(node):
            for name, inner in node.items():
                if _NAME.fullmatch(name):
                    yield from _numbers(inner, (*path, name))
        case list() if not any(isinstance(item, dict) and "identifier" in item for item in node):
            for item in node:
                yield from _numbers(item, path)


def _is_purchase(node: dict[Any, Any]) -> bool:
    return node.get("event_name", "Purchase") == "Purchase" and "error" not in node
