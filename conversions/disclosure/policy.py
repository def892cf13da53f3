"""The shop's disclosure policy: the paths that may leave. A path that the policy does not list does not leave."""

import tomllib
from datetime import date
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from conversions.disclosure.schema import CARTS, SCHEMA, narrows
from conversions.errors import SettingsError
from conversions.process import text_files


class Class(StrEnum):
    """Why a path may leave."""

    PROMISED = "promised"
    """The quoted sentence of the privacy policy names it."""
    TECHNICAL = "technical"
    """The platform needs it to count an order once; it has no meaning outside the shop."""
    ENVELOPE = "envelope"
    """It describes the shop and its accounts, not a person."""
    LEGAL_SIGNAL = "legal signal"
    """It states the buyer's choice about their data."""


class Listing(BaseModel):
    """One path that may leave, its shape, and the reason."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: str
    shape: str
    class_: Class = Field(alias="class")
    what: str = Field(min_length=1)
    """Description in the shop's words, for auditors."""


class Policy(BaseModel):
    """The disclosure policy: the sentence of the shop's privacy policy, and the paths that may leave."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Annotated[str, Field(pattern=r"^[\w.\-]{1,40}$")]
    effective: date
    """First day on which the shop's privacy policy contains the sentence."""
    quoted_from: str = Field(min_length=1)
    quote: str = Field(min_length=1)
    quote_sha256: str
    """SHA-256 of the quote's UTF-8 bytes; it detects an accidental change of the sentence."""
    google: tuple[Listing, ...] = ()
    meta: tuple[Listing, ...] = ()

    _text: str = PrivateAttr("")

    @model_validator(mode="after")
    def _closed(self) -> Self:
        digest = sha256(self.quote.encode()).hexdigest()
        if digest != self.quote_sha256:
            raise ValueError(f"quote_sha256 is not the digest of the quote, {digest}; has the sentence changed?")
        for kind in SCHEMA:
            for listing in self.listings(kind):
                _allowed(listing, kind)
            if len(self._shapes[kind]) < len(self.listings(kind)):
                raise ValueError(f"{kind}: a path is listed twice")
            self._require_items(kind)
        return self

    @property
    def text(self) -> str:
        """Text of the policy file."""
        return self._text

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes without a byte order mark, 64 lower-case hex characters."""
        return sha256(self._text.encode()).hexdigest()

    def listings(self, kind: str) -> tuple[Listing, ...]:
        """Return the paths that may leave to destinations of *kind*."""
        return {"google": self.google, "meta": self.meta}[kind]

    def lists(self, kind: str, path: str) -> bool:
        """Return whether *path* may leave to destinations of *kind*."""
        return path in self._shapes[kind]

    def shape(self, kind: str, path: str) -> str:
        """Return the name of the shape of *path*. Raises KeyError where the policy does not list *path*."""
        return self._shapes[kind][path]

    def _require_items(self, kind: str) -> None:
        """Raise ValueError where a quantity or a price is listed without the product ID beside which it stands."""
        cart = CARTS[kind]
        if not any(self.lists(kind, path) for path in cart.items):
            for path in (cart.quantity, cart.unit_price):
                if self.lists(kind, path):
                    raise ValueError(f"{kind}: {path} needs {' or '.join(cart.items)} in the list, too")

    @cached_property
    def _shapes(self) -> dict[str, dict[str, str]]:
        return {kind: {listing.path: listing.shape for listing in self.listings(kind)} for kind in SCHEMA}


def load_policy(path: Path) -> Policy:
    """Read the policy at *path*. Raises SettingsError, which names the mistake; also where others may change it."""
    try:
        return parse_policy(text_files.read(path), str(path))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}. `conversions init` writes a first one.") from None


def parse_policy(text: str, name: str) -> Policy:
    """Parse a policy. Raises SettingsError, in which *name* stands for the file."""
    try:
        policy = Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is not valid TOML: {error}.") from None
    except ValidationError as error:
        raise SettingsError(f"{name} cannot be used: {_sentence(error)}") from None
    policy._text = text  # noqa: SLF001
    return policy


def _allowed(listing: Listing, kind: str) -> None:
    allowed = SCHEMA[kind].get(listing.path)
    if allowed is None:
        raise ValueError(f"{kind}: {listing.path} is not a path that this program can send")
    if not any(narrows(listing.shape, shape) for shape in allowed):
        raise ValueError(f"{kind}: {listing.path} has the shape {' or '.join(allowed)}")


def _sentence(error: ValidationError) -> str:
    mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    told = "; ".join(
        ": ".join([*map(str, mistake["loc"]), mistake["msg"].removeprefix("Value error, ")]) for mistake in mistakes
    )
    return told if told.endswith("?") else f"{told}."
