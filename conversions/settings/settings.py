"""All of ``conversions.toml``; the environment overrides it."""

import os
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from conversions.errors import SettingsError
from conversions.settings.sections import DestinationSettings, OnCall, Privacy, Store
from conversions.settings.shop_systems import AnySourceSettings
from conversions.settings.values import Days, Duration, Host, ProxyUrl, days_of, zone_name


def _kinds(sections: object) -> object:
    """Use the name of a section as its kind where ``kind`` is absent."""
    if not isinstance(sections, dict):
        return sections
    return {name: {"kind": name, **s} if isinstance(s, dict) else s for name, s in sections.items()}


def _secret(name: str, secret: SecretStr | None) -> bytes:
    text = secret.get_secret_value() if secret else ""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        state = "is missing" if not text else "is not 64 hex digits"
        raise SettingsError(
            f"{name} {state}. Put it back into .env from the place where you keep its copy, then `conversions doctor`. "
            "Only a new shop makes a new one, with `conversions init`."
        )
    return bytes.fromhex(text)


def _secrets(name: str, secret: SecretStr | None) -> list[bytes]:
    texts = secret.get_secret_value().split(",") if secret else []
    return [_secret(name, SecretStr(text.strip())) for text in texts]


class Settings(BaseSettings):
    """All settings of ``conversions.toml``; the environment overrides them."""

    model_config = SettingsConfigDict(
        env_prefix="CONVERSIONS_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        title="conversions.toml",
    )

    timezone: Annotated[str, AfterValidator(zone_name)] = Field("Europe/Copenhagen", description="the shop's zone")
    shop: str = Field("main", min_length=1, description="name of the shop; part of every id that is sent")
    lookback_days: int = Field(7, ge=1, le=60, description="a run without dates reads this many days up to yesterday")
    closed: list[Days] = Field([], description="days without orders, such as 2026-12-24 or 2026-07-06..2026-07-26")
    deadline: Duration = Field(timedelta(hours=4), description="a run stops sending after this; other orders wait")
    proxy: ProxyUrl | None = Field(
        None,
        description="http://HOST:PORT or https://HOST:PORT of a proxy that HTTP requests go through; its user and "
        "password only as CONVERSIONS_PROXY_USER and CONVERSIONS_PROXY_PASSWORD",
    )
    no_proxy: list[Host] = Field([], description="hosts that are reached without the proxy, with their subdomains")
    ca_file: str | None = Field(
        None, description="PEM file of a certificate authority to trust in addition: your company's, or your proxy's"
    )
    source: AnySourceSettings
    store: Store = Store()  # type: ignore[call-arg]
    privacy: Privacy
    on_call: OnCall = OnCall()  # type: ignore[call-arg]
    destinations: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")], DestinationSettings], BeforeValidator(_kinds)
    ] = Field(min_length=1)
    key: SecretStr | None = Field(None, description="only as CONVERSIONS_KEY: 64 hex digits", exclude=True)
    former_keys: SecretStr | None = Field(
        None,
        description="only as CONVERSIONS_FORMER_KEYS: former keys, newest first, separated by commas",
        exclude=True,
    )
    log_key: SecretStr | None = Field(
        None,
        description="only as CONVERSIONS_LOG_KEY: 64 hex digits; absent: derived from CONVERSIONS_KEY",
        exclude=True,
    )
    former_log_keys: SecretStr | None = Field(
        None,
        description="only as CONVERSIONS_FORMER_LOG_KEYS: former log keys, newest first, separated by commas; they "
        "sign for store.checkpoint_key_overlap_days after `audit rotate-key`",
        exclude=True,
    )
    proxy_user: SecretStr | None = Field(None, description="only as CONVERSIONS_PROXY_USER", exclude=True)
    proxy_password: SecretStr | None = Field(None, description="only as CONVERSIONS_PROXY_PASSWORD", exclude=True)

    _file: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, destination in self.destinations.items():
            if destination.requests_per_minute == 0 and destination.endpoint is None:
                raise ValueError(f"destinations.{name}: requests_per_minute = 0 is for rehearsals with an endpoint")
        if len({d.endpoint is None for d in self.destinations.values()}) > 1:
            raise ValueError("either every destination has a rehearsal endpoint or none has")
        if self.proxy_user and ":" in self.proxy_user.get_secret_value():
            raise ValueError("CONVERSIONS_PROXY_USER holds a colon, which no proxy accepts in a user's name")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The shop's zone."""
        return ZoneInfo(self.timezone)

    @property
    def closed_days(self) -> frozenset[date]:
        """Days on which no orders are expected."""
        return frozenset(day for span in self.closed for day in days_of(span))

    @property
    def rehearsal(self) -> bool:
        """True where all destinations are loopback endpoints."""
        return all(d.endpoint is not None for d in self.destinations.values())

    @property
    def store_path(self) -> Path:
        """The store's file."""
        return self.resolve(self.store.url.removeprefix("sqlite:///"))

    @property
    def tail_path(self) -> Path:
        """The file outside the store's directory with the log's size and root."""
        if self.store.tail is not None:
            return self.resolve(self.store.tail)
        home = self.store_path.parent
        return home.with_name(f"{home.name}-{self.store_path.stem}.tail")

    @property
    def checkpoints_path(self) -> Path:
        """The directory of the log's checkpoints, outside the store's directory."""
        if self.store.checkpoints is not None:
            return self.resolve(self.store.checkpoints)
        home = self.store_path.parent
        return home.with_name(f"{home.name}-{self.store_path.stem}.checkpoints")

    @property
    def journal_path(self) -> Path:
        """The file of suppressions and erasures, from which a restored store is updated."""
        return self.checkpoints_path / "journal.jsonl"

    @property
    def secret_key(self) -> bytes:
        """The key, 32 bytes. Raises SettingsError where it is missing or malformed."""
        return _secret("CONVERSIONS_KEY", self.key)

    @property
    def secret_former_keys(self) -> list[bytes]:
        """The former keys, newest first; they find data subjects, too. Raises SettingsError where one is malformed."""
        return _secrets("CONVERSIONS_FORMER_KEYS", self.former_keys)

    @property
    def first_key(self) -> bytes:
        """The oldest key of this shop, for digests that must never change."""
        return [self.secret_key, *self.secret_former_keys][-1]

    @property
    def secret_log_key(self) -> bytes | None:
        """The seed of the log's signing key, 32 bytes; None: derived from the key. Raises SettingsError."""
        return _secret("CONVERSIONS_LOG_KEY", self.log_key) if self.log_key else None

    @property
    def secret_former_log_keys(self) -> list[bytes]:
        """Seeds of former signing keys, newest first. Raises SettingsError where one is malformed."""
        return _secrets("CONVERSIONS_FORMER_LOG_KEYS", self.former_log_keys)

    def resolve(self, path: str) -> Path:
        """Return *path* as absolute; a relative path starts at the directory of the settings file."""
        return Path(os.path.normpath(self._file.parent / path))

    def public_text(self) -> str:
        """Return the settings without secrets, as one line of JSON; the store keeps it once per digest."""
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
        """Let the environment, which already contains ``.env``, override the file."""
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
