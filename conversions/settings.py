"""Every setting, documented once: TOML holds what the shop decided, the environment or ``.env`` the secrets.

Order of precedence: environment, ``.env``, ``conversions.toml``, defaults. Typos are refused; relative paths are
relative to the file.
"""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from dotenv import load_dotenv
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from conversions.errors import SettingsError

SECRETS = frozenset({"key", "access_token"})
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
LOOPBACK = re.compile(rf"https?://(?:localhost|127(?:\.{_OCTET}){{3}}|\[::1])(?::([1-9][0-9]{{0,4}}))?/?")
"""Scheme, host and port alone, spelled so that every parser of URLs finds the same host."""


def duration(text: object) -> object:
    """``"90s"``, ``"30m"``, ``"26h"`` or ``"7d"`` as a timedelta; anything else is left to pydantic."""
    found = re.fullmatch(r"(\d+)\s*([smhd])", text) if isinstance(text, str) else None
    if found is None:
        return text
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def _loopback(url: str) -> str:
    found = LOOPBACK.fullmatch(url)
    if found is None or int(found[1] or 0) > 65535:
        raise ValueError("endpoint is for rehearsals and takes loopback hosts only, such as http://127.0.0.1:8085")
    return url.rstrip("/")


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone; use a name such as Europe/Copenhagen")
    return name


Duration = Annotated[timedelta, BeforeValidator(duration)]
Endpoint = Annotated[str, AfterValidator(_loopback)]
Digits = Annotated[str, Field(pattern=r"^\d{1,20}$")]


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)


class Columns(Section):
    """The source's name for each of our columns."""

    order_id: str = Field(description="the order's number, as customers know it")
    email: str = Field(description="the buyer's e-mail address, in clear")
    amount: str = Field(description="what the buyer paid, a decimal with a point")
    currency: str = Field(description="ISO 4217, such as DKK")
    product_ids: str = Field(description="product IDs, several in a cell separated by product_separator")
    purchased_at: str = Field(description="ISO 8601 with offset, or without: the shop's zone; a date alone is that day")
    status: str = Field(description="compared with `completed`")
    completed_at: str | None = Field(None, description="when it was completed; then windows go by it")
    updated_at: str | None = Field(None, description="when the row last changed; the newest sighting of an order wins")
    refunded: str | None = Field(None, description="what was paid back so far")
    consent: str | None = Field(None, description="the buyer's consent to ad measurement")
    ad_personalization: str | None = Field(None, description="the buyer's consent to ad personalisation")


class AnySource(Section):
    """What all sources share."""

    columns: Columns
    completed: list[str] = Field(min_length=1, description="statuses that count as a finished sale")
    amount_means: str = Field("not stated", description="what the amount includes; logged and shown")
    product_separator: str = Field("|", min_length=1, description="between several product IDs in a cell")
    consent_granted: list[str] = Field(
        ["granted", "yes", "true", "1", "ja"], description="consent cells that mean granted, in any case"
    )
    consent_denied: list[str] = Field(
        ["denied", "no", "false", "0", "nej"], description="consent cells that mean denied, in any case"
    )


class FileSource(AnySource):
    """A glob of files."""

    kind: Literal["csv", "parquet"]
    path: str = Field(description="a file or a glob")
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(
        None, description="csv: between cells; absent: read from the header"
    )
    settle_seconds: int = Field(60, ge=0, description="a file that changed so recently is left for the next run")


class SqlSource(AnySource):
    """A query; it gets :since, the window's first instant, and :until, the first instant after it, both in UTC."""

    kind: Literal["sql"]
    url: SecretStr = Field(description="any SQLAlchemy URL; keep one with a password in CONVERSIONS_SOURCE__URL")
    query: str = Field(description="SELECT …; name the columns in [source.columns]")


class Store(Section):
    """Where the ledger and the log are kept."""

    url: str = Field("sqlite:///../var/conversions.db", pattern=r"^sqlite:///.+", description="sqlite:///PATH")
    tail: str | None = Field(
        None,
        description="file outside the store's directory that remembers the log's size; absent: beside that directory",
    )


class Privacy(Section):
    """What the shop promised and on which basis it sends."""

    policy: str = Field("privacy-policy.toml", description="the disclosure policy")
    legal_basis: Literal["consent", "legitimate_interest"] = Field(
        description="what the shop's privacy policy states; no default"
    )


class AnyDestination(Section):
    """What all destinations share."""

    endpoint: Endpoint | None = Field(None, description="rehearsals only: a loopback address such as the sandbox's")
    in_flight: int = Field(8, ge=1, le=10, description="requests under way at once")
    precision: Literal["day", "exact"] = Field("day", description="send the purchase day's last second, or the instant")
    reference: Literal["wire_id", "order_id"] = Field("wire_id", description="the order's id on the wire")
    not_before: date | None = Field(None, description="purchases before this day are withheld")
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


class GoogleSettings(AnyDestination):
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
    quota_project: str | None = Field(None, description="Cloud project that the calls are counted on")
    merchant_id: Digits | None = Field(None, description="Merchant Center account of the product IDs")
    merchant_feed_label: Annotated[str, Field(pattern=r"^[A-Z0-9_-]{1,20}$")] | None = None
    merchant_feed_language_code: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    requests_per_minute: int = Field(300, ge=0, description="0 is unlimited, for rehearsals")
    max_age_days: int = Field(60, ge=1, le=63, description="older purchases are withheld")


class MetaSettings(AnyDestination):
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


def _kinds(sections: object) -> object:
    """A section's name is its kind, unless it says otherwise."""
    if not isinstance(sections, dict):
        return sections
    return {name: {"kind": name, **s} if isinstance(s, dict) else s for name, s in sections.items()}


class Settings(BaseSettings):
    """The whole of ``conversions.toml`` with the environment over it."""

    model_config = SettingsConfigDict(
        env_prefix="CONVERSIONS_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        title="conversions.toml",
    )

    timezone: Annotated[str, AfterValidator(_zone)] = Field("Europe/Copenhagen", description="the shop's zone")
    shop: str = Field("main", min_length=1, description="name of the shop; part of every order's id on the wire")
    lookback_days: int = Field(7, ge=1, le=60, description="a run without dates covers yesterday and the days before")
    deadline: Duration = Field(timedelta(hours=4), description="a run stops sending after this; the rest waits")
    source: AnySourceSettings
    store: Store = Store()  # type: ignore[call-arg]
    privacy: Privacy
    destinations: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")], DestinationSettings], BeforeValidator(_kinds)
    ] = Field(min_length=1)
    key: SecretStr | None = Field(None, description="only as CONVERSIONS_KEY: 64 hex digits", exclude=True)

    _file: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, destination in self.destinations.items():
            if destination.requests_per_minute == 0 and destination.endpoint is None:
                raise ValueError(f"destinations.{name}: requests_per_minute = 0 is for rehearsals with an endpoint")
        if len({d.endpoint is None for d in self.destinations.values()}) > 1:
            raise ValueError("either every destination has a rehearsal endpoint or none has")
        return self

    @property
    def file(self) -> Path:
        """Where these settings were read."""
        return self._file

    @property
    def zone(self) -> ZoneInfo:
        """The shop's zone."""
        return ZoneInfo(self.timezone)

    @property
    def rehearsal(self) -> bool:
        """Whether this sends to loopback endpoints only."""
        return all(d.endpoint is not None for d in self.destinations.values())

    @property
    def store_path(self) -> Path:
        """The store's file."""
        return self.resolve(self.store.url.removeprefix("sqlite:///"))

    @property
    def tail_path(self) -> Path:
        """The file outside the store's directory that remembers the log's size and root."""
        if self.store.tail is not None:
            return self.resolve(self.store.tail)
        home = self.store_path.parent
        return home.with_name(f"{home.name}-{self.store_path.stem}.tail")

    @property
    def secret_key(self) -> bytes:
        """The key, 32 bytes. Raises SettingsError where it is missing or malformed."""
        text = self.key.get_secret_value() if self.key else ""
        if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
            state = "is missing" if not text else "is not 64 hex digits"
            raise SettingsError(
                f"CONVERSIONS_KEY {state}; `conversions init` makes one, or restore it from your backup."
            )
        return bytes.fromhex(text)

    def resolve(self, path: str) -> Path:
        """*path*, relative to the settings file."""
        return Path(os.path.normpath(self._file.parent / path))

    def public_text(self) -> str:
        """The settings without secrets, as one line of JSON: kept in the store once per digest."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; ``.env`` is already in the environment."""
        sections = getattr(init_settings, "init_kwargs", {}).get("destinations")
        return (_Environment(settings_cls, sections if isinstance(sections, dict) else {}), init_settings)


class _Environment(EnvSettingsSource):
    """The environment, where ``CONVERSIONS_META__…`` is short for ``CONVERSIONS_DESTINATIONS__META__…``."""

    def __init__(self, settings_cls: type[BaseSettings], sections: dict[str, Any]) -> None:
        self._sections = sections
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {self._long(name): value for name, value in super()._load_env_vars().items()}

    def _long(self, name: str) -> str:
        section = name.removeprefix("conversions_").partition("__")[0]
        in_section = section in self._sections and name != f"conversions_{section}"
        return f"conversions_destinations__{name.removeprefix('conversions_')}" if in_section else name


def load(path: Path) -> Settings:
    """Read *path*, the ``.env`` beside it and the environment.

    Raises SettingsError with one line per mistake, naming the key and never a value.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}. `conversions init` writes a first one.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    _refuse_secrets(tables, path)
    _load_env_file(path.parent / ".env")
    try:
        settings = Settings(**tables)
    except ValidationError as error:
        raise SettingsError(_sentence(path, error)) from None
    settings._file = path.resolve()  # noqa: SLF001
    return settings


def _refuse_secrets(table: dict[str, Any], path: Path) -> None:
    for name, value in table.items():
        if name in SECRETS:
            raise SettingsError(
                f"{path} holds a secret ({name}); move it to .env beside it, mode 0600, and replace it."
            )
        if isinstance(value, dict):
            _refuse_secrets(value, path)


def _load_env_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(f"{path} holds secrets and others may read it; run `chmod 600 {path}`.")
        load_dotenv(path, override=False)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}.") from None
    except ValueError:
        raise SettingsError(f"{path} is not text in UTF-8; save it so.") from None


def _sentence(path: Path, error: ValidationError) -> str:
    """One line per mistake."""
    kinds = ("google", "meta", "csv", "parquet", "sql")
    lines = []
    for mistake in error.errors(include_url=False, include_input=False, include_context=False):
        where = [str(part) for part in mistake["loc"]]
        where = [
            part for i, part in enumerate(where) if not (i and part in kinds and i >= 1 + (where[0] == "destinations"))
        ]
        said = mistake["msg"].removeprefix("Value error, ")
        if mistake["type"] == "extra_forbidden":
            said = "is not a setting; is it a typo? `conversions schema` lists all"
        lines.append(f"{'.'.join(where) or 'settings'}: {said}")
    return f"{path} cannot be used.\n  " + "\n  ".join(lines)


def environment_names() -> list[str]:
    """The ``CONVERSIONS_*`` names that are set."""
    return sorted(name for name in os.environ if name.startswith("CONVERSIONS_"))
