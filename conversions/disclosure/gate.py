"""The gate: compares finished bytes with the policy and lets nothing pass that it does not list."""

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

import orjson

from conversions.disclosure.policy import Policy
from conversions.disclosure.schema import EVENTS, Validator, validator
from conversions.errors import DisclosureError


class Gate:
    """Compares finished bytes with the policy. Knows nothing of how they were made."""

    def __init__(self, policy: Policy, kind: str) -> None:
        self._version, self._kind, self._events = policy.version, kind, EVENTS[kind]
        tree = _tree({listing.path: validator(listing.shape) for listing in policy.listings(kind)})
        self._body, self._event = tree, tree.get(self._events, {}).get("[]", {})

    def misfit(self, event: bytes) -> str | None:
        """The first path in the bytes of one event that may not leave, or ``None`` where all may."""
        document = _canonical(event)
        if document is None:
            return f"{self._events}[]"
        return _walk(self._event, [document], f"{self._events}[]", set()) or _address_in(event)

    def check(self, body: bytes, events: int) -> tuple[str, ...]:
        """The paths present in a finished *body* of so many *events*, sorted.

        Raises DisclosureError where anything is not listed, of another shape, not canonical or not counted; it names
        a path, never a value.
        """
        document, present = _canonical(body), set[str]()
        if document is None:
            raise self._stop("the body is not canonical JSON")
        if wrong := _walk(self._body, [document], "", present) or _address_in(body):
            raise self._stop(f"{wrong} is not listed there, or not in this shape")
        if len(document.get(self._events, ())) != events:
            raise self._stop(f"the body does not hold {events} events")
        return tuple(sorted(present))

    def _stop(self, why: str) -> DisclosureError:
        return DisclosureError(
            f"What would go to {self._kind} does not fit the disclosure policy {self._version}: {why}. "
            "None of it was sent; mend the policy or the settings, and ask `conversions doctor`."
        )


def _canonical(body: bytes) -> Any:
    """The document, or ``None`` where its bytes could be written otherwise: a key twice, 1.00, an escaped letter."""
    try:
        document = orjson.loads(body)
    except ValueError:
        return None
    return document if orjson.dumps(document) == body else None


def _address_in(body: bytes) -> str | None:
    """Whatever the shapes say: what looks like an e-mail address stays (there are at signs beyond ASCII, too)."""
    return "text like an e-mail address" if b"@" in body or b"%40" in body or not body.isascii() else None


def _tree(leaves: Mapping[str, Validator]) -> dict[str, Any]:
    """``{"a.b[].c": fits}`` as ``{"a": {"b": {"[]": {"c": fits}}}}``."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *branch, last = path.replace("[]", ".[]").split(".")
        node = tree
        for step in branch:
            node = node.setdefault(step, {})
        node[last] = leaf
    return tree


def _walk(node: Any, values: list[Any], path: str, present: set[str]) -> str | None:
    """Compare all values that stand at one path at once: a column costs a quarter of what its cells cost one by one."""
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
        if wrong := _walk(node[key], [members[key] for members in values if key in members], below, present):
            return wrong
    return None


def _column(has_shape: Validator, values: list[Any], path: str, present: set[str]) -> str | None:
    if set(map(type, values)) == {str}:
        values = list(set(values))  # most columns say the same in every event
    try:
        if not all(map(has_shape, values)):
            return path
    except TypeError:
        return path
    present.add(path)
    return None


def _name(key: str) -> str:
    """A key that is no name may be a value in disguise."""
    return key if re.fullmatch(r"[A-Za-z_]{1,40}", key) else "(a key that is no name)"
