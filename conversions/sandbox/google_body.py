"""The body of ``events:ingest``: its fields, their types and their limits.

Sources: discovery document of the Data Manager API (revision 20261106), its guides "Send events" and "Limits" as of
2026-11. A validator's error type is Google's ``ErrorReason``. Fields of the platform that our conversions never have
are accepted without a check.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from conversions.sandbox.google_formats import (
    Action,
    Amount,
    Context,
    Currency,
    Digest,
    EventTime,
    Instant,
    Merchant,
    Number,
)

ConsentStatus = Literal["CONSENT_STATUS_UNSPECIFIED", "CONSENT_GRANTED", "CONSENT_DENIED"]
Unread = Any


class _Part(BaseModel):
    """A JSON object with camelCase or snake_case keys; unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )


class Account(_Part):
    """A product account."""

    account_type: Literal[
        "GOOGLE_ADS",
        "DISPLAY_VIDEO_PARTNER",
        "DISPLAY_VIDEO_ADVERTISER",
        "DATA_PARTNER",
        "GOOGLE_ANALYTICS_PROPERTY",
        "GOOGLE_AD_MANAGER_AUDIENCE_LINK",
        "FLOODLIGHT_CONFIG",
        "GOOGLE_AD_MANAGER",
    ]
    account_id: str

    @model_validator(mode="after")
    def _ten_digits(self) -> Self:
        if self.account_type == "GOOGLE_ADS" and not re.fullmatch(r"[0-9]{10}", self.account_id):
            raise PydanticCustomError("INVALID_DESTINATION", "A Google Ads account is ten digits without hyphens.")
        return self


class Destination(_Part):
    """A conversion action and how to reach it."""

    operating_account: Account
    login_account: Account | None = None
    linked_account: Account | None = None
    product_destination_id: Action
    reference: str | None = None


class Consent(_Part):
    """The buyer's consent."""

    ad_user_data: ConsentStatus | None = None
    ad_personalization: ConsentStatus | None = None


class UserIdentifier(_Part):
    """Exactly one of three identifiers."""

    email_address: Digest | None = None
    phone_number: Digest | None = None
    address: Unread = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [part for part in (self.email_address, self.phone_number, self.address) if part is not None]
        if not given:
            raise PydanticCustomError("NO_IDENTIFIERS_PROVIDED", "The user identifier is empty.")
        if len(given) > 1:
            raise PydanticCustomError("INVALID_FORMAT", "The user identifier holds more than one value.")
        return self


class UserData(_Part):
    """The buyer."""

    user_identifiers: list[UserIdentifier] = Field(min_length=1, max_length=10)


class Item(_Part):
    """One product of the order."""

    merchant_product_id: str | None = None
    item_id: str | None = None
    quantity: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,19}$")] | None = None
    unit_price: Number | None = None
    conversion_value: Number | None = None
    merchant_id: Merchant | None = None
    merchant_feed_label: str | None = None
    merchant_feed_language_code: str | None = None
    custom_variables: Unread = None
    additional_item_parameters: Unread = None


class CartData(_Part):
    """The products of the order."""

    items: list[Item] = Field(min_length=1)
    merchant_id: Merchant | None = None
    merchant_feed_label: str | None = None
    merchant_feed_language_code: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = None
    transaction_discount: Number | None = None
    coupon_codes: list[str] | None = None


class Event(_Part):
    """One conversion."""

    event_timestamp: EventTime
    transaction_id: str | None = Field(None, min_length=1, max_length=64)
    event_source: Literal["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"]
    conversion_value: Amount | None = None
    currency: Currency | None = None
    user_data: UserData | None = None
    consent: Consent | None = None
    cart_data: CartData | None = None
    last_updated_timestamp: Instant | None = None
    destination_references: list[str] | None = None
    ad_identifiers: Unread = None
    event_device_info: Unread = None
    custom_variables: Unread = None
    user_properties: Unread = None
    conversion_count: Unread = None
    event_location: Unread = None
    call_info: Unread = None
    third_party_user_data: Unread = None
    event_name: Unread = None
    client_id: Unread = None
    app_instance_id: Unread = None
    user_id: Unread = None
    additional_event_parameters: Unread = None
    experimental_fields: Unread = None

    @model_validator(mode="after")
    def _attributable(self) -> Self:
        if self.transaction_id is not None and re.fullmatch(r"[0-9]+", self.transaction_id):
            raise PydanticCustomError("INVALID_EVENT", "The transaction ID is purely numeric.")
        if not (self.user_data or self.ad_identifiers or self.event_device_info):
            raise PydanticCustomError("NO_IDENTIFIERS_PROVIDED", "The event has no identifier.")
        return self

    def product_ids(self) -> list[str]:
        """Every product ID of the event."""
        items = self.cart_data.items if self.cart_data else []
        return [text for item in items for text in (item.merchant_product_id, item.item_id) if text is not None]


class Ingest(_Part):
    """``IngestEventsRequest``. Validated in a ``Context``."""

    destinations: list[Destination] = Field(min_length=1, max_length=10)
    events: list[Event] = Field(min_length=1, max_length=2000)
    encoding: Literal["HEX", "BASE64"] | None = Field(None, validate_default=True)
    consent: Consent | None = None
    validate_only: bool = False
    encryption_info: Unread = None

    @field_validator("encoding")
    @classmethod
    def _encoding_known(cls, encoding: str | None, info: ValidationInfo[Context]) -> str | None:
        if encoding is None and any(event.user_data for event in info.data.get("events", ())):
            raise PydanticCustomError("REQUIRED_FIELD_MISSING", "User data need an encoding.")
        return encoding
