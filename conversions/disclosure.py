"""What may leave: the shop's disclosure policy, and the gate that compares finished bytes with it.

Whatever the policy does not list does not leave.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from conversions.errors import DisclosureError, SettingsError
from conversions.wire import EVENTS, SCHEMA, Fits, fits, within


class Class(StrEnum):
    """Why a path leaves."""

    PROMISED = "promised"
    """The sentence names it."""
    TECHNICAL = "technical"
    """Needed for counting once; says nothing outside the shop."""
    ENVELOPE = "envelope"
    """About the shop and its accounts, not about a person."""
    LEGAL_SIGNAL = "legal signal"
    """What a person has decided about their data."""


class Listing(BaseModel):
    """One path that may leave, in which shape, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: str
    shape: str
    class_: Class = Field(alias="class")
    what: str = Field(min_length=1)
    """In the shop's words, for auditors."""


class Policy(BaseModel):
    """The disclosure policy: the shop's sentence and what it lets leave."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Annotated[str, Field(pattern=r"^[\w.\-]{1,40}$")]
    effective: date
    """Since this day the sentence stands in the shop's privacy policy."""
    quoted_from: str = Field(min_length=1)
    quote: str = Field(min_length=1)
    quote_sha256: str
    """Of the quote's UTF-8 bytes, so that a sentence changed in passing is noticed."""
    google: tuple[Listing, ...] = ()
    meta: tuple[Listing, ...] = ()

    _text: str = PrivateAttr("")

    @model_validator(mode="after")
    def _closed(self) -> Self:
        digest = sha256(self.quote.encode()).hexdigest()
        if digest != self.quote_sha256:
            raise ValueError(f"quote_sha256 is not the quote's digest, {digest}; has the sentence changed?")
        for kind in SCHEMA:
            for listing in self.listings(kind):
                _allowed(listing, kind)
            if len(self._shapes[kind]) < len(self.listings(kind)):
                raise ValueError(f"{kind}: a path is listed twice")
        return self

    @property
    def text(self) -> str:
        """The file as it was read."""
        return self._text

    @property
    def sha256(self) -> str:
        """Of the file's bytes."""
        return sha256(self._text.encode()).hexdigest()

    def listings(self, kind: str) -> tuple[Listing, ...]:
        """What may leave to destinations of *kind*."""
        return {"google": self.google, "meta": self.meta}[kind]

    def lists(self, kind: str, path: str) -> bool:
        """Whether *path* may leave to destinations of *kind*."""
        return path in self._shapes[kind]

    def shape(self, kind: str, path: str) -> str:
        """The name of the shape of *path*; KeyError where it is not listed."""
        return self._shapes[kind][path]

    @cached_property
    def _shapes(self) -> dict[str, dict[str, str]]:
        return {kind: {listing.path: listing.shape for listing in self.listings(kind)} for kind in SCHEMA}


def load_policy(path: Path) -> Policy:
    """Read the policy at *path*. Raises SettingsError in a sentence that names the mistake."""
    try:
        return parse_policy(path.read_bytes().decode(), str(path))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}. `conversions init` writes a first one.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None


def parse_policy(text: str, name: str) -> Policy:
    """The policy that *text* is; *name* is what a SettingsError calls it."""
    try:
        policy = Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is not valid TOML: {error}.") from None
    except ValidationError as error:
        raise SettingsError(f"{name} cannot be used: {_sentence(error)}.") from None
    policy._text = text  # noqa: SLF001
    return policy


def _allowed(listing: Listing, kind: str) -> None:
    allowed = SCHEMA[kind].get(listing.path)
    if allowed is None:
        raise ValueError(f"{kind}: {listing.path} is not a path that this program can send")
    if not any(within(listing.shape, shape) for shape in allowed):
        raise ValueError(f"{kind}: {listing.path} has the shape {' or '.join(allowed)}")


def _sentence(error: ValidationError) -> str:
    mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        ": ".join([*map(str, mistake["loc"]), mistake["msg"].removeprefix("Value error, ")]) for mistake in mistakes
    )


class Gate:
    """Compares finished bytes with the policy. Knows nothing of how they were made."""

    def __init__(self, policy: Policy, kind: str) -> None:
        self._version, self._kind, self._events = policy.version, kind, EVENTS[kind]
        tree = _tree({listing.path: fits(listing.shape) for listing in policy.listings(kind)})
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


def _tree(leaves: Mapping[str, Fits]) -> dict[str, Any]:
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


def _column(has_shape: Fits, values: list[Any], path: str, present: set[str]) -> str | None:
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
