"""The formats of single values in a body for Google; a validator's error type is Google's ``ErrorReason``.

Sources: guides "Send events" and "Format user data" of the Data Manager API as of 2026-11; Google Ads help 10029210 for
the 63 days.
"""

import base64
import binascii
import re
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, TypedDict

from pydantic import AfterValidator, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

MAX_AGE = timedelta(days=63)
"""Of an event with user-provided data (63 days)."""
MAX_AHEAD = timedelta(seconds=60)
"""Google publishes no rule for future times; this allows for clock skew."""
MAX_DOUBLE = Decimal(sys.float_info.max)
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class Context(TypedDict):
    """Data that validators need besides the value."""

    now: datetime
    encoding: object
    """The body's own ``encoding``."""


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not -MAX_DOUBLE <= value <= MAX_DOUBLE:
        raise PydanticCustomError("INVALID_NUMBER_FORMAT", "The value is not a number.")
    return Decimal(value)


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise PydanticCustomError("INVALID_NUMBER_FORMAT", "The value is negative.")
    return value


def _instant(text: object) -> datetime:
    if not isinstance(text, str) or not TIMESTAMP.fullmatch(text):
        raise PydanticCustomError("INVALID_FORMAT", "The timestamp is not RFC 3339 with an offset.")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("INVALID_FORMAT", "The timestamp does not exist.") from None


def _in_window(at: datetime, info: ValidationInfo[Context]) -> datetime:
    if not -MAX_AHEAD <= info.context["now"] - at <= MAX_AGE:
        raise PydanticCustomError("EVENT_TIME_INVALID", "The event time is outside the accepted window.")
    return at


def _digest(text: str, info: ValidationInfo[Context]) -> str:
    if info.context["encoding"] == "BASE64":
        return _base64_digest(text)
    if not re.fullmatch(r"[0-9a-fA-F]*", text):
        raise PydanticCustomError("INVALID_HEX_ENCODING", "The value is not hex encoded.")
    if len(text) != 64:
        raise PydanticCustomError("INVALID_SHA256_FORMAT", "The value is not a SHA-256 digest.")
    return text


def _base64_digest(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("INVALID_BASE64_ENCODING", "The value is not base64 encoded.") from None
    if len(raw) != 32:
        raise PydanticCustomError("INVALID_SHA256_FORMAT", "The value is not a SHA-256 digest.")
    return text


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise PydanticCustomError("INVALID_CURRENCY_CODE", "The currency is not an ISO 4217 code.")
    return text


def _action(text: str) -> str:
    if not re.fullmatch(r"[0-9]+", text):
        raise PydanticCustomError("INVALID_CONVERSION_ACTION_ID", "The conversion action is not a number.")
    return text


def _merchant(text: str) -> str:
    if not re.fullmatch(r"[0-9]+", text):
        raise PydanticCustomError("INVALID_MERCHANT_ID", "The Merchant Center account is not a number.")
    return text


Number = Annotated[Decimal, PlainValidator(_number)]
Amount = Annotated[Decimal, PlainValidator(_number), AfterValidator(_not_negative)]
Instant = Annotated[datetime, PlainValidator(_instant)]
EventTime = Annotated[datetime, PlainValidator(_instant), AfterValidator(_in_window)]
Digest = Annotated[str, AfterValidator(_digest)]
Currency = Annotated[str, AfterValidator(_currency)]
Action = Annotated[str, AfterValidator(_action)]
Merchant = Annotated[str, AfterValidator(_merchant)]
