"""The body of ``/{dataset}/events`` by Meta's documents: fields, formats and limits.

Sources: "Using the API" (2026-02-06), "Server event parameters" (2026-02-12), "Customer information parameters"
(2026-01-09), "Custom data", "Main body", "Offline events" (2026-01-05), "Best practices" (2026-06-28). A validator's
error type is Meta's ``error_subcode`` where one is known; all others are code 100 without a subcode. The sandbox
refuses what no document allows, and also what no document decides (a negative value, a time in the future).
"""

import re
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self, TypedDict

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

TOO_OLD: Final = "2804003"
NO_VALUE: Final = "2804009"
NO_CURRENCY: Final = "2804010"
WEAK_IDENTIFIERS: Final = "2804050"

MAX_AGE = timedelta(days=7)
MAX_AGE_IN_STORE = timedelta(days=62)
MAX_AHEAD = timedelta(seconds=60)
MAX_DOUBLE = Decimal(sys.float_info.max)
WEAK = (
    {"ct", "country", "st", "zp", "ge", "client_user_agent"},
    {"db", "client_user_agent"},
    {"fn", "ge"},
    {"ln", "ge"},
)
"""Sets of identifiers that are too weak, also in part ("Best practices")."""


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= MAX_DOUBLE:
        raise PydanticCustomError("number", "not a JSON number from 0 up")
    return Decimal(value)


def _digests(value: object) -> list[str]:
    digests = value if isinstance(value, list) else []
    if not digests or not all(isinstance(d, str) and re.fullmatch(r"[0-9a-f]{64}", d) for d in digests):
        raise PydanticCustomError(WEAK_IDENTIFIERS, "not a list of SHA-256 digests, 64 lower-case hex digits each")
    return digests


Amount = Annotated[Decimal, PlainValidator(_number)]
Text = Annotated[str, StringConstraints(min_length=1)]
Unread = Any


class Context(TypedDict):
    """Data that validators need besides the event."""

    now: datetime


class _Part(BaseModel):
    """A JSON object; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class UserData(_Part):
    """The buyer. Identifiers other than ``em`` are accepted without a check."""

    em: Annotated[list[str], PlainValidator(_digests)] | None = None
    ph: Unread = None
    fn: Unread = None
    ln: Unread = None
    ge: Unread = None
    db: Unread = None
    ct: Unread = None
    st: Unread = None
    zp: Unread = None
    country: Unread = None
    external_id: Unread = None
    client_ip_address: Unread = None
    client_user_agent: Unread = None
    fbc: Unread = None
    fbp: Unread = None

    @model_validator(mode="after")
    def _strong_enough(self) -> Self:
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if any(given <= weak for weak in WEAK):
            raise PydanticCustomError(WEAK_IDENTIFIERS, "identifiers are missing or too weak")
        return self


class Content(_Part):
    """One product of the order."""

    id: Text
    quantity: Annotated[int, Field(ge=1)] | None = None
    item_price: Amount | None = None
    price: Amount | None = None
    delivery_category: Literal["in_store", "curbside", "home_delivery"] | None = None
    title: Unread = None
    description: Unread = None
    brand: Unread = None
    category: Unread = None


class CustomData(_Part):
    """The products of the order, and its value."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}$")] | None = None
    value: Amount | None = None
    order_id: Text | None = None
    content_ids: list[Text] | None = None
    content_type: Literal["product", "product_group"] | None = None
    contents: list[Content] | None = None
    item_number: Text | None = None
    num_items: int | None = None
    delivery_category: Literal["in_store", "curbside", "home_delivery"] | None = None
    content_name: Unread = None
    content_category: Unread = None
    net_revenue: Unread = None
    predicted_ltv: Unread = None
    status: Unread = None
    search_string: Unread = None


class Event(_Part):
    """One sale."""

    event_name: Text
    event_time: int
    action_source: Literal[
        "email",
        "website",
        "app",
        "phone_call",
        "chat",
        "physical_store",
        "system_generated",
        "business_messaging",
        "other",
    ]
    user_data: UserData
    event_id: Text | None = None
    event_source_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+")] | None = None
    custom_data: CustomData | None = None
    opt_out: bool | None = None
    data_processing_options: list[str] | None = None
    data_processing_options_country: int | None = None
    data_processing_options_state: int | None = None
    original_event_data: Unread = None
    customer_segmentation: Unread = None
    referrer_url: Unread = None
    messaging_channel: Unread = None
    app_data: Unread = None
    attribution_data: Unread = None
    advanced_measurement_table: Unread = None

    @field_validator("event_time")
    @classmethod
    def _in_seconds(cls, seconds: int, info: ValidationInfo[Context]) -> int:
        if seconds <= 0:
            raise PydanticCustomError("time", "not in Unix seconds")
        if seconds > (info.context["now"] + MAX_AHEAD).timestamp():
            raise PydanticCustomError("time", "in the future, or in milliseconds")
        return seconds

    @model_validator(mode="after")
    def _not_too_old(self, info: ValidationInfo[Context]) -> Self:
        limit = MAX_AGE_IN_STORE if self.action_source == "physical_store" else MAX_AGE
        if self.event_time < (info.context["now"] - limit).timestamp():
            raise PydanticCustomError(TOO_OLD, "older than the platform takes")
        return self

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.action_source == "website" and self.event_source_url is None:
            raise PydanticCustomError("url", "website needs event_source_url")
        if self.event_name == "Purchase":
            if self.custom_data is None or self.custom_data.value is None:
                raise PydanticCustomError(NO_VALUE, "Purchase without value")
            if self.custom_data.currency is None:
                raise PydanticCustomError(NO_CURRENCY, "Purchase without currency")
        return self

    def ids(self) -> list[str | None]:
        """The sender's ids of the event."""
        return [self.event_id, self.custom_data.order_id if self.custom_data else None]

    def product_ids(self) -> list[str]:
        """Every product ID of the event."""
        if self.custom_data is None:
            return []
        return [*(self.custom_data.content_ids or ()), *(c.id for c in self.custom_data.contents or ())]


class Upload(_Part):
    """The whole body. Validated in a ``Context``."""

    data: list[Event] = Field(min_length=1, max_length=1000)
    test_event_code: Text | None = None
    partner_agent: Annotated[str, StringConstraints(max_length=22, pattern=r"[A-Za-z].*[A-Za-z]")] | None = None
    upload_tag: Text | None = None
    appsecret_proof: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
