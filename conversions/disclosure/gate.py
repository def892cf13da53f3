"""The gate: compares finished bytes with the disclosure policy and refuses every path that it does not list."""

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

import orjson

from conversions.disclosure.policy import Policy
from conversions.disclosure.schema import EVENTS, Validator, validator
from conversions.errors import DisclosureError


class Gate:
    """Compares finished bytes with the policy, and does not depend on the code that made them."""

    def __init__(self, policy: Policy, kind: str) -> None:
        self._version, self._kind, self._events = policy.version, kind, EVENTS[kind]
        tree = _tree({listing.path: validator(listing.shape) for listing in policy.listings(kind)})
        self._body, self._event = tree, tree.get(self._events, {}).get("[]", {})

    def violation(self, event: bytes) -> str | None:
        """Return the first path in the bytes of one event that may not leave, or None where all paths may."""
        document = _canonical(event)
        if document is None:
            return f"{self._events}[]"
        return _walk(self._event, [document], f"{self._events}[]", set()) or _address_in(event)

    def check(self, body: bytes, events: int) -> tuple[str, ...]:
        """Return the sorted paths of a finished *body* that holds *events* events.

        Raises DisclosureError where a path is not listed or its value has another shape, where the JSON is not
        canonical, or where the number of events differs. The message names a path, never a value.
        """
        document, present = _canonical(body), set[str]()
        if document is None:
            raise self._stop("the body is not canonical JSON")
        if violation := _walk(self._body, [document], "", present) or _address_in(body):
            raise self._stop(f"{violation} is not listed there, or not in this shape")
        if len(document.get(self._events, ())) != events:
            raise self._stop(f"the body does not hold {events} events")
        return tuple(sorted(present))

    def _stop(self, cause: str) -> DisclosureError:
        return DisclosureError(
            f"The request for {self._kind} does not fit the disclosure policy {self._version}: {cause}. "
            "None of it was sent; correct the policy or the settings, then run `conversions doctor`."
        )


def _canonical(body: bytes) -> Any:
    """Return the parsed document, or None where its JSON is not canonical: a repeated key, 1.00, an escaped letter."""
    try:
        document = orjson.loads(body)
    except ValueError:
        return None
    return document if orjson.dumps(document) == body else None


def _address_in(body: bytes) -> str | None:
    """Find text that looks like an e-mail address, independent of the shapes. Unicode has at signs beyond ASCII."""
    return "text like an e-mail address" if b"@" in body or b"%40" in body or not body.isascii() else None


def _tree(leaves: Mapping[str, Validator]) -> dict[str, Any]:
    """Turn ``{"a.b[].c": leaf}`` into ``{"a": {"b": {"[]": {"c": leaf}}}}``."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *branch, last = path.replace("[]", ".[]").split(".")
        node = tree
        for step in branch:
            node = node.setdefault(step, {})
        node[last] = leaf
    return tree


def _walk(node: Any, values: list[Any], path: str, present: set[str]) -> str | None:
    """Compare all values of one path at once, which takes a quarter of the time of a comparison value by value."""
    if not isinstance(node, dict):
        return _column(node, values, path, present)
    form = list if "[]" in node else dict
    if set(map(type, values)) != {form} or not all(values):
        return path or "the body"
    if form is list:
        return _walk(node["[]"], list(chain.from_iterable(values)), f"{path}[]", present)
    for key in sorted(set().union(*values)):
        below = f"{path}.{_name(key)}".lstrip(".")
        if key not in node:
            return below
        if violation := _walk(node[key], [members[key] for members in values if key in members], below, present):
            return violation
    return None


def _column(has_shape: Validator, values: list[Any], path: str, present: set[str]) -> str | None:
    if set(map(type, values)) == {str}:
        values = list(set(values))  # most columns have the same value in every event
    try:
        if not all(map(has_shape, values)):
            return path
    except TypeError:
        return path
    present.add(path)
    return None


def _name(key: str) -> str:
    """Return the key if it is a plain name; any other key may be a value and stays out of messages."""
    return key if re.fullmatch(r"[A-Za-z_]{1,40}", key) else "(a key that is no name)"
