"""The interface of a platform in the sandbox, and the values that its parts exchange."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import orjson

from conversions.sandbox.faults import FaultPlan


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it arrived."""

    path: str
    """Without the query."""
    query: Mapping[str, str]
    authorization: str | None
    content_type: str
    body: bytearray
    shop_token: str | None = None
    """The access token of Shopify's API."""
    host: str = ""
    range: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP answer."""

    status: int
    body: bytes
    code: str = ""
    """Code of a refusal, for the counts: Google's reason, Meta's ``code/subcode``; empty for an accepted request."""
    why: str = ""
    """What was wrong, for the operator of a rehearsal, where the platform itself does not say it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """One event that the platform accepted."""

    key: Hashable | None
    """The platform's deduplication key; None where it cannot recognise a repeat."""
    value: Decimal | None
    """In currency units."""
    currency: str | None
    window: timedelta | None
    """How long after the first receipt the platform recognises a repeat; None: always."""
    restates: bool
    """Whether a repeat overwrites value and currency."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result for a request that the platform accepted as a whole."""

    answer: Answer
    events: int
    arrivals: Sequence[ReceivedEvent] = ()
    """Empty where the platform only validated the request, or checks nothing."""


class Platform(Protocol):
    """One platform. Several threads call it at the same time."""

    @property
    def name(self) -> str:
        """``google`` or ``meta``."""

    def check(self, request: Request, now: datetime, plan: FaultPlan) -> Accepted | Answer:
        """Accept or refuse *request* as a whole; *plan* says which events are bad or get a warning."""

    def unauthenticated(self) -> Answer:
        """The answer to a missing or malformed credential."""

    def expired_token(self) -> Answer:
        """The answer to an expired credential."""

    def throttled(self, seconds: int) -> Answer:
        """The answer to too many requests per minute."""

    def quota_per_day(self) -> Answer:
        """The answer to too many requests per day."""

    def unavailable(self) -> Answer:
        """The answer of a platform that is temporarily down."""

    def without_request_id(self, accepted: Accepted) -> Answer:
        """A 200 without the field that a client needs."""

    def with_wrong_count(self, accepted: Accepted) -> Answer:
        """A 200 with a wrong number of events."""


def valid_authorization(authorization: str | None) -> bool:
    """Whether *authorization* is a bearer token, or absent, which rehearsals may do."""
    return authorization is None or (authorization.startswith("Bearer ") and len(authorization) > len("Bearer "))


def is_json(content_type: str) -> bool:
    """Whether *content_type* says JSON, with or without parameters."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


def is_poisoned(poison: Sequence[str], ids: Sequence[str | None], product_ids: Sequence[str]) -> bool:
    """Whether an item of *poison* equals one of *ids*, or is part of one of *product_ids*."""
    return any(text in ids or any(text in product_id for product_id in product_ids) for text in poison)


def parse_json(body: bytearray) -> Any:
    """Parse JSON with fractions as Decimal: 49.90 stays 49.90.

    Raises ValueError where *body* is not UTF-8 or not JSON by RFC 8259, and for a repeated key.
    """
    try:
        return json.loads(
            body.decode(), parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def to_json(value: Any) -> bytes:
    """*value* as compact JSON."""
    return orjson.dumps(value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is given twice")
    return table
