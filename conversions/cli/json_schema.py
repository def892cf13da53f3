"""The two shapes of ``--json``: schema 2 has codes with their words beside them, schema 1 has the former texts."""

from collections.abc import Iterator, Mapping
from typing import Any

from conversions import catalogue
from conversions.catalogue.former_texts import EARLIER, NOT_ELIGIBLE, OUTCOMES, REASONS, STATUSES

LATEST = 2
_REASON, _NOT_ELIGIBLE, _STATUS, _OUTCOME = (
    {code: text for text, code in texts.items()} for texts in (REASONS, NOT_ELIGIBLE, STATUSES, OUTCOMES)
)
_OF_KEYS: Mapping[str, dict[str, str]] = {
    "withheld": _REASON,
    "quarantined": _REASON,
    "not_possible": _NOT_ELIGIBLE,
    "restatements": {"maybe_received": "maybe received"},
    "late": _STATUS | {"open": "no verdict yet"},
}
"""Mappings with codes as keys, at any depth below these keys."""
_RENAMED: Mapping[str, str] = {"values_unconfirmed": "values_doubted"}
_OF_VALUES = {"about": _REASON, "outcome": _OUTCOME}
_SECTIONS = {"withheld": "reasons", "quarantined": "reasons", "not_possible": "not_eligible", "late": "statuses"}
"""The section of the catalogue for each of these keys."""


def document(value: Any, schema: int) -> Any:
    """Return *value*, a document or a list, in the shape of *schema* (1 or 2)."""
    if schema == LATEST:
        return _with_sentences(value) if isinstance(value, dict) else [_beside(each) for each in value]
    return _former(value)


def _with_sentences(value: dict[str, Any]) -> dict[str, Any]:
    """Add the schema, and the words of every code that is a key of the document."""
    words = dict(_words(value))
    return {"schema": LATEST, **_beside(value), **({"sentences": words} if words else {})}


def _words(value: Any, section: str | None = None) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, each in value.items():
                if section and catalogue.has(section, key):
                    yield key, catalogue.text(section, key)
                yield from _words(each, _SECTIONS.get(key, section))
        case list():
            for each in value:
                yield from _words(each)


def _beside(value: Any) -> Any:
    """Add the words of each reason beside its code."""
    match value:
        case dict():
            beside = {key: _beside(each) for key, each in value.items()}
            return beside | ({"sentence": catalogue.reason(value["reason"])} if _has_code(value) else {})
        case list():
            return [_beside(each) for each in value]
        case _:
            return value


def _former(value: Any, keys: Mapping[str, str] = _RENAMED) -> Any:
    """Replace codes by the texts of schema 1; the key that leads to a code says which texts apply."""
    match value:
        case dict():
            named = ((key, each) for key, each in value.items() if key not in {"schema", "sentences"})
            former = {keys.get(key, key): _former_value(key, each, keys) for key, each in named}
            return former | ({"reason": _REASON.get(value["reason"], value["reason"])} if _has_code(value) else {})
        case list():
            return [_former(each, keys) for each in value]
        case _:
            return value


def _former_value(key: str, value: Any, keys: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        text = _OF_VALUES.get(key, {}).get(value, value)
        return text.replace(EARLIER[1], EARLIER[0]) if key in {"detail", "said"} else text
    return _former(value, {**_OF_KEYS.get(key, keys), **_RENAMED})


def _has_code(value: Mapping[str, Any]) -> bool:
    """Whether ``reason`` is a code of an order or a row; elsewhere it is a text that a person wrote."""
    return bool(value.get("reason")) and bool({"state", "place"} & value.keys())
