"""The tables of ``conversions.toml``."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from conversions.settings.values import Currency, Digits, Endpoint, is_currency


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)


class Columns(Section):
    """The source's name for each of our columns."""

    order_id: str = Field(description="the order's number, as customers know it")
    email: str = Field(description="the buyer's e-mail address, in clear")
    amount: str = Field(description="what the buyer paid, a decimal with a point")
    currency: str | None = Field(None, description="ISO 4217, such as DKK; absent: all are in source.currency")
    product_ids: str = Field(description="product IDs, several in a cell separated by product_separator")
    purchased_at: str = Field(description="ISO 8601 with offset, or without: the shop's zone; a date alone is that day")
    status: str = Field(description="compared with `completed`")
    completed_at: str | None = Field(None, description="when it was completed; then windows go by it")
    updated_at: str | None = Field(None, description="when the row last changed; the newest sighting of an order wins")
    refunded: str | None = Field(None, description="what was paid back so far")
    consent: str | None = Field(None, description="the buyer's consent to ad measurement")
    ad_personalization: str | None = Field(None, description="the buyer's consent to ad personalisation")


class Format(Section):
    """How cells are written, where they do not say so themselves."""

    decimals: int | None = Field(
        None,
        ge=3,
        le=3,
        description="3: amounts have three decimals, `1.200` is 1.20; absent: it is refused, for it may be 1200",
    )


class SourceBase(Section):
    """What all sources share."""

    columns: Columns
    format: Format = Format()  # type: ignore[call-arg]
    currency: Currency | None = Field(None, description="of every order, where there is no column of currencies")
    currency_aliases: dict[str, Currency] = Field(
        {}, description="what the shop writes instead of ISO 4217, in any case"
    )
    completed: list[str] = Field(min_length=1, description="statuses that count as a finished sale")
    amount_means: str = Field("not stated", description="what the amount includes; logged and shown")
    product_separator: str = Field("|", min_length=1, description="between several product IDs in a cell")
    consent_granted: list[str] = Field(
        ["granted", "yes", "true", "1", "ja"], description="consent cells that mean granted, in any case"
    )
    consent_denied: list[str] = Field(
        ["denied", "no", "false", "0", "nej"], description="consent cells that mean denied, in any case"
    )

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if (self.currency is None) == (self.columns.currency is None):
            raise ValueError(
                'name the column of currencies in source.columns.currency, or set source.currency = "DKK" where every '
                "order is in one; not both"
            )
        if known := [alias for alias in self.currency_aliases if is_currency(alias)]:
            raise ValueError(f"currency_aliases: {', '.join(known)} is a currency already, and means itself")
        return self


class FileSource(SourceBase):
    """A glob of files."""

    kind: Literal["csv", "parquet"]
    path: str = Field(description="a file or a glob")
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(
        None, description="csv: between cells; absent: read from the header"
    )
    settle_seconds: int = Field(60, ge=0, description="a file that changed so recently is left for the next run")


NaiveTimes = Literal["shop", "utc"]
Bounds = Literal["utc", "local"]


class SqlSource(SourceBase):
    """A query; it gets :since, the window's first instant, and :until, the first instant after it."""

    kind: Literal["sql"]
    url: SecretStr = Field(description="any SQLAlchemy URL; keep one with a password in CONVERSIONS_SOURCE__URL")
    query: str = Field(description="SELECT …; name the columns in [source.columns]")
    naive_times: NaiveTimes | None = Field(
        None, description="what times without offset are; absent: the shop's, but MySQL's TIMESTAMP is UTC"
    )
    bounds: Bounds | None = Field(
        None, description="the clock of :since and :until, UTC's or the shop's own; absent: the span of both"
    )


class Store(Section):
    """Where the ledger and the log are kept."""

    url: str = Field("sqlite:///../var/conversions.db", pattern=r"^sqlite:///.+", description="sqlite:///PATH")
    tail: str | None = Field(
        None,
        description="file outside the store's directory that remembers the log's size; absent: beside that directory",
    )
    checkpoints: str | None = Field(
        None, description="directory that keeps a signed checkpoint of the log per run; absent: beside the store's own"
    )
    timestamp_url: str | None = Field(
        None, pattern=r"^https?://\S+$", description="RFC 3161 authority that dates each checkpoint; absent: none"
    )


class Privacy(Section):
    """What the shop promised and on which basis it sends."""

    policy: str = Field("privacy-policy.toml", description="the disclosure policy")
    legal_basis: Literal["consent", "legitimate_interest"] = Field(
        description="what the shop's privacy policy states; no default"
    )
    retention_days: int = Field(
        400, ge=70, le=3650, description="what was sent is kept so long after the purchase, then purged"
    )
    controller: str | None = Field(
        None, description="who answers for it: name and address, for the record of processing"
    )
    contact: str | None = Field(None, description="whom to ask about data protection, for the record of processing")
    balancing_test: str | None = Field(None, description="where the assessment of legitimate interest is kept")
    impact_assessment: str | None = Field(None, description="where the data protection impact assessment is kept")


class OnCall(Section):
    """Who is told how a run went; nobody, where nothing is set."""

    heartbeat_url: SecretStr | None = Field(
        None, description="only as CONVERSIONS_ON_CALL__HEARTBEAT_URL: told start and exit code (healthchecks)"
    )
    metrics_file: str | None = Field(None, description="figures of the last run for Prometheus' node exporter: a .prom")
    alerts: list[SecretStr] = Field(
        [],
        description='only as CONVERSIONS_ON_CALL__ALERTS: apprise addresses, told of exits other than 0, ["mailto://…"]',
    )


class DestinationBase(Section):
    """What all destinations share."""

    endpoint: Endpoint | None = Field(None, description="rehearsals only: a loopback address such as the sandbox's")
    in_flight: int = Field(8, ge=1, le=10, description="requests under way at once")
    precision: Literal["day", "exact"] = Field("day", description="send the purchase day's last second, or the instant")
    reference: Literal["wire_id", "order_id"] = Field("wire_id", description="the order's id on the wire")
    not_before: date | None = Field(None, description="purchases before this day are withheld")
    resend_unknown: Literal["auto", "ask"] = Field(
        "auto", description="orders without an answer are sent again inside the platform's window, or wait for `decide`"
    )
    max_new: int | None = Field(None, ge=1, description="more new orders than this stop the run until accepted")
    first_batch: int | None = Field(None, ge=1, description="the first real run sends one request of so many")
    also_reported_by: Literal["none", "same", "other"] | None = Field(
        None, description="whether a Pixel or Google tag counts the same sales, under the same ids or others"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.also_reported_by == "same" and self.reference != "order_id":
            raise ValueError('also_reported_by = "same" needs reference = "order_id"')
        return self


class GoogleSettings(DestinationBase):
    """A conversion action, reached through Google's Data Manager API."""

    kind: Literal["google"] = "google"
    operating_account_id: Annotated[str, Field(pattern=r"^\d{10}$")] = Field(
        description="the account that owns the conversion action: ten digits, no hyphens"
    )
    conversion_action_id: Digits = Field(description="ctId in the action's address")
    login_account_id: Annotated[str, Field(pattern=r"^\d{10}$")] | None = Field(
        None, description="the manager account, where access goes through one"
    )
    event_source: Literal["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"] = "WEB"
    full_refund: Literal["zero", "report"] = Field(
        "zero", description="`run --restate` sends value 0, which Google does not document as accepted; or reports only"
    )
    quota_project: str | None = Field(None, description="Cloud project that the calls are counted on")
    merchant_id: Digits | None = Field(None, description="Merchant Center account of the product IDs")
    merchant_feed_label: Annotated[str, Field(pattern=r"^[A-Z0-9_-]{1,20}$")] | None = None
    merchant_feed_language_code: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    requests_per_minute: int = Field(300, ge=0, description="0 is unlimited, for rehearsals")
    max_age_days: int = Field(60, ge=1, le=63, description="older purchases are withheld")


class MetaSettings(DestinationBase):
    """A dataset, reached through Meta's Conversions API."""

    kind: Literal["meta"] = "meta"
    dataset_id: Digits
    action_source: Literal[
        "email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "other"
    ] = Field(description="declared by the operator; physical_store is the documented route for offline uploads")
    event_source_url: Annotated[str, Field(pattern=r"^https://[^?#]+$")] | None = Field(
        None, description='the shop\'s address, for action_source = "website"'
    )
    upload_tag: bool = Field(True, description="label each run's upload; physical_store only")
    graph_version: Annotated[str, Field(pattern=r"^v\d+\.\d+$")] = "v26.0"
    requests_per_minute: int = Field(60, ge=0, description="0 is unlimited, for rehearsals")
    max_age_days: int = Field(7, ge=1, le=62, description="older purchases are withheld; above 7 physical_store only")
    access_token: SecretStr | None = Field(None, description="only as CONVERSIONS_META__ACCESS_TOKEN", exclude=True)

    @model_validator(mode="after")
    def _documented(self) -> Self:
        if self.action_source == "website" and self.event_source_url is None:
            raise ValueError('action_source = "website" needs event_source_url')
        if self.action_source == "physical_store" and self.also_reported_by == "same":
            raise ValueError("physical_store is not de-duplicated against a Pixel: the same sales would count twice")
        if self.max_age_days > 7 and self.action_source != "physical_store":
            raise ValueError("Meta refuses whole requests for events older than 7 days")
        return self


AnySourceSettings = Annotated[FileSource | SqlSource, Field(discriminator="kind")]
DestinationSettings = Annotated[GoogleSettings | MetaSettings, Field(discriminator="kind")]
