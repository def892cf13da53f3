"""The fields of an event that was sent: path, form and class, by the policy under which it went."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from conversions.disclosure.forms import form, within_event
from conversions.disclosure.policy import Listing, Policy
from conversions.disclosure.schema import EVENTS


@dataclass(frozen=True, slots=True)
class Field:
    """One value that was sent."""

    path: str
    value: Any
    form: str
    """clear | hashed | keyed."""
    class_: str
    """Its class in the policy: promised | technical | envelope | legal signal."""
    what: str
    """Its description in the policy."""


def fields_of(event: bytes, policy: Policy | None) -> tuple[Field, ...]:
    """Every scalar value of an event; without its *policy* the form is unknown and counts as clear."""
    listings = _listings(policy) if policy else {}
    return tuple(_field(path, value, listings) for path, value in _leaves(orjson.loads(event)))


def _listings(policy: Policy) -> dict[str, Listing]:
    """The policy's listing of each path within an event, for all platforms."""
    return {
        within_event(listing, kind): listing
        for kind, events in EVENTS.items()
        for listing in policy.listings(kind)
        if listing.path.startswith(f"{events}[].")
    }


def _field(path: str, value: Any, listings: dict[str, Listing]) -> Field:
    listing = listings.get(path)
    if listing is None:
        return Field(path, value, "clear", "", path)
    return Field(path, value, form(listing), listing.class_, listing.what)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for name, child in value.items():
                yield from _leaves(child, f"{path}.{name}".lstrip("."))
        case list():
            for child in value:
                yield from _leaves(child, f"{path}[]")
        case _:
            yield path, value
