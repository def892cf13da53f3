"""What a platform is to the sandbox, and the values that pass between its parts."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import orjson

from conversions.sandbox.faults import Plan


@dataclass(frozen=True, slots=True)
class Request:
    """One POST as it arrived."""

    path: str
    """Without the query."""
    query: Mapping[str, str]
    authorization: str | None
    content_type: str
    body: bytearray


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes
    code: str = ""
    """What a refusal is counted under: Google's reason, Meta's ``code/subcode``; empty where nothing is refused."""
    why: str = ""
    """For the person who rehearses: what was wrong, where the platform itself does not say it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event that the platform holds from now on."""

    key: Hashable | None
    """What the platform tells a repeat by; None: it cannot."""
    value: Decimal | None
    """In currency units."""
    currency: str | None
    window: timedelta | None
    """How long after the first receipt a repeat is recognised; None: for ever."""
    restates: bool
    """Whether a repeat overwrites value and currency."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that the platform took as a whole."""

    answer: Answer
    events: int
    arrivals: Sequence[Arrival] = ()
    """Empty where the request was only validated, or nothing is checked."""


class Platform(Protocol):
    """One platform's inbox. Called from several threads at once."""

    @property
    def name(self) -> str:
        """``google`` or ``meta``."""

    def check(self, request: Request, now: datetime, plan: Plan) -> Accepted | Answer:
        """Take *request* as a whole or refuse it as a whole; *plan* says what is bad or warned of."""

    def unauthenticated(self) -> Answer:
        """The answer where a credential is required and none came."""

    def expired_token(self) -> Answer:
        """The answer to a credential that is no longer valid."""

    def throttled(self, seconds: int) -> Answer:
        """The answer to too many requests in a minute."""

    def quota_per_day(self) -> Answer:
        """The answer to too many requests in a day."""

    def unavailable(self) -> Answer:
        """The answer of a platform that is down and can still say so."""

    def anonymous(self, accepted: Accepted) -> Answer:
        """A 200 without the field that a client must find there."""

    def miscounted(self, accepted: Accepted) -> Answer:
        """A 200 that claims another number of events."""


def bearer(authorization: str | None) -> bool:
    """Whether *authorization* is absent, as rehearsals may have it, or a bearer token."""
    return authorization is None or (authorization.startswith("Bearer ") and len(authorization) > len("Bearer "))


def is_json(content_type: str) -> bool:
    """Whether *content_type* says JSON, with or without parameters."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


def poisons(poison: Sequence[str], ids: Sequence[str | None], product_ids: Sequence[str]) -> bool:
    """Whether one of *poison* is one of *ids*, or a part of one of *product_ids*."""
    return any(text in ids or any(text in product_id for product_id in product_ids) for text in poison)


def exact_json(body: bytearray) -> Any:
    """*body* as JSON whose fractions are Decimal: 49.90 stays 49.90.

    Raises ValueError for anything that is not UTF-8 or not JSON by RFC 8259, and for a key given twice.
    """
    try:
        return json.loads(body.decode(), parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def packed(value: Any) -> bytes:
    """*value* as compact JSON."""
    return orjson.dumps(value)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is given twice")
    return table
