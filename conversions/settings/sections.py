"""The tables of ``conversions.toml``."""

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, field_serializer, model_validator

from conversions.settings import presets
from conversions.settings.outside_address import OutsideAddress
from conversions.settings.section import Section
from conversions.settings.source_format import Format
from conversions.settings.values import (
    ADDRESS,
    AdConsentName,
    Currency,
    Digits,
    Endpoint,
    FilesPath,
    PersonName,
    is_currency,
    without_login,
)


class Columns(Section):
    """The source's name for each of our columns."""

    order_id: str = Field(description="the order's number, as customers know it")
    email: str = Field(description="the buyer's e-mail address, in clear")
    amount: str = Field(description="the amount that the buyer paid")
    currency: str | None = Field(None, description="ISO 4217, such as DKK; absent: all are in source.currency")
    product_ids: str | None = Field(
        None, description="product IDs; product_separator separates several in a cell; absent: none are sent"
    )
    quantities: str | None = Field(None, description="number of pieces of each product, in the order of product_ids")
    unit_prices: str | None = Field(
        None, description="price of one piece of each product, in the order of product_ids, in the order's currency"
    )
    purchased_at: str = Field(description="without offset in the shop's zone; a date alone is the whole day")
    status: str = Field(description="compared with `completed`")
    completed_at: str | None = Field(None, description="time of completion; if mapped, windows select orders by it")
    updated_at: str | None = Field(None, description="time of the row's last change; the newest row of an order wins")
    refunded: str | None = Field(None, description="the amount that was paid back so far")
    cancelled_at: str | None = Field(None, description="time of cancellation; an order that has one is withheld")
    consent: AdConsentName | None = Field(None, description="the buyer's consent to ad measurement")
    ad_personalization: AdConsentName | None = Field(None, description="the buyer's consent to ad personalisation")
    test: str | None = Field(None, description="marks orders of tests and staff, which are left out; see test_values")


class OrderMeaning(Section):
    """Settings that all sources have: what an order's words mean."""

    currency_aliases: dict[str, Currency] = Field(
        {}, description="the shop's own words for currencies of ISO 4217, in upper or lower case"
    )
    completed: list[str] = Field(min_length=1, description="statuses that count as a finished sale")
    amount_means: str = Field("not stated", description="what the amount includes; logged and shown")
    consent_granted: list[str] = Field(
        ["granted", "yes", "true", "1", "ja"], description="consent cells that mean granted, in upper or lower case"
    )
    consent_denied: list[str] = Field(
        ["denied", "no", "false", "0", "nej"], description="consent cells that mean denied, in upper or lower case"
    )

    exclude_addresses: str | None = Field(
        None, description="file of addresses whose orders are left out (staff, tests), one a line; mode 0600"
    )

    @model_validator(mode="after")
    def _no_currency_renamed(self) -> Self:
        if codes := [alias for alias in self.currency_aliases if is_currency(alias)]:
            raise ValueError(f"currency_aliases: {', '.join(codes)} is a currency already; remove it")
        return self

    @property
    def unique_numbers(self) -> bool:
        """Whether two orders never have the same number: then two rows with one number are versions of one order."""
        return False

    @property
    def reads_changes(self) -> bool:
        """Whether a reading also brings older orders that changed since its first day."""
        return False


def _given_by_preset(schema: dict[str, Any]) -> None:
    """A preset gives them; validation misses them where there is none."""
    schema["required"] = [name for name in schema["required"] if name not in {"columns", "completed"}]


class SourceBase(OrderMeaning):
    """Settings of sources whose columns the operator maps."""

    model_config = ConfigDict(json_schema_extra=_given_by_preset)

    columns: Columns
    format: Format = Format()  # type: ignore[call-arg]
    currency: Currency | None = Field(None, description="currency of all orders, where no column names it")
    product_separator: str = Field("|", min_length=1, description="separates several product IDs in a cell")
    test_values: list[str] = Field(
        ["true", "yes", "1", "ja", "test"],
        description="cells of columns.test that leave an order out, in upper or lower case",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, source: Any) -> Any:
        return presets.resolve(source) if isinstance(source, dict) else source

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if (self.currency is None) == (self.columns.currency is None):
            raise ValueError(
                'name the column of currencies in source.columns.currency, or set source.currency = "DKK" if all '
                "orders are in one currency; not both"
            )
        return self


class FileSource(SourceBase):
    """A glob of files."""

    kind: Literal["csv", "parquet", "xlsx"]
    path: FilesPath = Field(
        description="a file, a glob or a folder, also s3://bucket/orders/*.csv or sftp://user@host/orders/*.csv"
    )
    password: SecretStr | None = Field(None, description="sftp: only as CONVERSIONS_SOURCE__PASSWORD", exclude=True)
    key_file: str | None = Field(None, description="sftp: file with a private key, mode 0600")
    key_passphrase: SecretStr | None = Field(
        None, description="sftp: of key_file, only as CONVERSIONS_SOURCE__KEY_PASSPHRASE", exclude=True
    )
    known_hosts: str | None = Field(None, description="sftp: file with the keys of servers; absent: ~/.ssh/known_hosts")
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(
        None, description="csv: separates cells; absent: derived from the header"
    )
    settle_seconds: int = Field(60, ge=0, description="a file that changed in this time is left for the next run")

    @property
    def elsewhere(self) -> str | None:
        """The address of files that are not on this machine, without its user."""
        return without_login(self.path) if ADDRESS.match(self.path) else None

    @field_serializer("path")
    def _stored_path(self, path: str) -> str:
        return without_login(path)


NaiveTimes = Literal["shop", "utc"]
Bounds = Literal["utc", "local"]


class SqlSource(SourceBase):
    """A query. Its parameters are :since, the window's first instant, and :until, the first instant after it."""

    kind: Literal["sql"]
    url: SecretStr = Field(description="any SQLAlchemy URL; put a URL with a password into CONVERSIONS_SOURCE__URL")
    query: str = Field(description="SELECT …; name the columns in [source.columns]")
    naive_times: NaiveTimes | None = Field(
        None, description="zone of times without offset; absent: the shop's zone, but UTC for MySQL's TIMESTAMP"
    )
    bounds: Bounds | None = Field(
        None, description="zone of :since and :until, UTC or the shop's own; absent: the span that covers both"
    )

    @model_validator(mode="after")
    def _parameters(self) -> Self:
        if re.search(r":(?:since|until)::", self.query):
            raise ValueError("query: write CAST(:since AS timestamptz) in place of :since::timestamptz")
        return self

    @model_validator(mode="after")
    def _one_row_per_order(self) -> Self:
        if self.format.layout == "items":
            raise ValueError(
                'format.layout = "items" is for files; let the query return one row per order, with GROUP BY and '
                "string_agg or GROUP_CONCAT for the product IDs"
            )
        return self


class Store(Section):
    """Where the ledger and the log are kept."""

    url: str = Field("sqlite:///../var/conversions.db", pattern=r"^sqlite:///.+", description="sqlite:///PATH")
    tail: str | None = Field(
        None,
        description="file outside the store's directory with the log's size; absent: beside that directory",
    )
    checkpoints: str | None = Field(
        None, description="directory for a signed checkpoint of the log per run; absent: beside the store's directory"
    )
    timestamp_url: str | None = Field(
        None, pattern=r"^https?://\S+$", description="RFC 3161 authority that dates each checkpoint; absent: none"
    )
    checkpoint_to: list[OutsideAddress] = Field(
        [],
        description="where each run hands its checkpoint to: file:///FOLDER/, s3://BUCKET/FOLDER/, command:PROGRAM; "
        "apprise addresses (mailto://…) only as CONVERSIONS_STORE__CHECKPOINT_TO, with all others",
    )
    checkpoint_key_overlap_days: int = Field(
        30, ge=0, le=400, description="days after `audit rotate-key` in which the former key signs checkpoints, too"
    )


class Privacy(Section):
    """The shop's privacy policy, and the legal basis of sending."""

    policy: str = Field("privacy-policy.toml", description="the disclosure policy")
    legal_basis: Literal["consent", "legitimate_interest"] = Field(
        description="the legal basis that the shop's privacy policy states; no default"
    )
    approved_by: PersonName | None = Field(
        None, description="who approves the first settings and the policy; only the first run reads it"
    )
    retention_days: int = Field(
        400, ge=70, le=3650, description="days after the purchase until what was sent is purged"
    )
    controller: str | None = Field(
        None, description="name and address of the data controller, for the record of processing"
    )
    contact: str | None = Field(None, description="contact for data protection, for the record of processing")
    balancing_test: str | None = Field(None, description="location of the assessment of legitimate interest")
    impact_assessment: str | None = Field(None, description="location of the data protection impact assessment")


class OnCall(Section):
    """Reports of the outcome of each run; without a setting there are none."""

    heartbeat_url: SecretStr | None = Field(
        None, description="only as CONVERSIONS_ON_CALL__HEARTBEAT_URL: gets start and exit code (healthchecks)"
    )
    metrics_file: str | None = Field(None, description="figures of the last run for Prometheus' node exporter: a .prom")
    alerts: list[SecretStr] = Field(
        [],
        description='only as CONVERSIONS_ON_CALL__ALERTS: apprise addresses for exits other than 0, ["mailto://…"]',
    )


class DestinationBase(Section):
    """Settings that all destinations have."""

    endpoint: Endpoint | None = Field(None, description="rehearsals only: a loopback address such as the sandbox's")
    in_flight: int = Field(8, ge=1, le=10, description="maximum number of concurrent requests")
    precision: Literal["day", "exact"] = Field("day", description="send the purchase day's last second, or the instant")
    reference: Literal["wire_id", "order_id"] = Field("wire_id", description="the id that is sent for an order")
    not_before: date | None = Field(None, description="purchases before this day are withheld")
    resend_unknown: Literal["auto", "ask"] = Field(
        "auto", description="send unanswered orders again within the platform's window, or wait for `decide`"
    )
    max_new: int | None = Field(None, ge=1, description="a run with more new orders stops until they are accepted")
    first_batch: int | None = Field(
        None, ge=1, description="the first real run sends one request with this many orders"
    )
    also_reported_by: Literal["none", "same", "other"] | None = Field(
        None, description="whether a Pixel or Google tag reports the same sales, with the same ids or others"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.also_reported_by == "same" and self.reference != "order_id":
            raise ValueError('also_reported_by = "same" needs reference = "order_id"')
        return self


class GoogleSettings(DestinationBase):
    """A conversion action, through Google's Data Manager API."""

    kind: Literal["google"] = "google"
    operating_account_id: Annotated[str, Field(pattern=r"^\d{10}$")] = Field(
        description="the account that owns the conversion action: ten digits, no hyphens"
    )
    conversion_action_id: Digits = Field(description="ctId in the action's address")
    login_account_id: Annotated[str, Field(pattern=r"^\d{10}$")] | None = Field(
        None, description="the manager account, if the service account has access through one"
    )
    event_source: Literal["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"] = "WEB"
    full_refund: Literal["zero", "report"] = Field(
        "zero", description="`run --restate` sends value 0, which Google does not document; or only reports the refund"
    )
    quota_project: str | None = Field(None, description="Cloud project with the quota for the requests")
    merchant_id: Digits | None = Field(None, description="Merchant Center account of the product IDs")
    merchant_feed_label: Annotated[str, Field(pattern=r"^[A-Z0-9_-]{1,20}$")] | None = None
    merchant_feed_language_code: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    requests_per_minute: int = Field(300, ge=0, description="0 is unlimited, for rehearsals")
    max_age_days: int = Field(60, ge=1, le=63, description="older purchases are withheld")


class MetaSettings(DestinationBase):
    """A dataset, through Meta's Conversions API."""

    kind: Literal["meta"] = "meta"
    dataset_id: Digits
    action_source: Literal[
        "email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "other"
    ] = Field(description="the operator declares it; Meta documents physical_store for offline uploads")
    event_source_url: Annotated[str, Field(pattern=r"^https://[^?#]+$")] | None = Field(
        None, description='the shop\'s address, for action_source = "website"'
    )
    upload_tag: bool = Field(True, description="label each run's upload; physical_store only")
    graph_version: Annotated[str, Field(pattern=r"^v\d+\.\d+$")] = "v26.0"
    requests_per_minute: int = Field(60, ge=0, description="0 is unlimited, for rehearsals")
    max_age_days: int = Field(7, ge=1, le=62, description="older purchases are withheld; above 7 physical_store only")
    access_token: SecretStr | None = Field(None, description="only as CONVERSIONS_META__ACCESS_TOKEN", exclude=True)
    app_secret: SecretStr | None = Field(
        None,
        description='only as CONVERSIONS_META__APP_SECRET: for an app of your own with "Require App Secret" on',
        exclude=True,
    )

    @model_validator(mode="after")
    def _documented(self) -> Self:
        if self.action_source == "website" and self.event_source_url is None:
            raise ValueError('action_source = "website" needs event_source_url')
        if self.action_source == "physical_store" and self.also_reported_by == "same":
            raise ValueError("Meta does not match physical_store with a Pixel: the same sales would count twice")
        if self.max_age_days > 7 and self.action_source != "physical_store":
            raise ValueError("Meta refuses whole requests for events older than 7 days")
        return self


DestinationSettings = Annotated[GoogleSettings | MetaSettings, Field(discriminator="kind")]
