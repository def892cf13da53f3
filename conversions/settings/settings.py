"""The whole of ``conversions.toml``, with the environment over it."""

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
from conversions.settings.sections import AnySourceSettings, DestinationSettings, OnCall, Privacy, Store
from conversions.settings.values import Days, Duration, days_of, zone_name


def _kinds(sections: object) -> object:
    """A section's name is its kind, unless it says otherwise."""
    if not isinstance(sections, dict):
        return sections
    return {name: {"kind": name, **s} if isinstance(s, dict) else s for name, s in sections.items()}


def _secret(name: str, held: SecretStr | None) -> bytes:
    text = held.get_secret_value() if held else ""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        state = "is missing" if not text else "is not 64 hex digits"
        raise SettingsError(f"{name} {state}; `conversions init` makes one, or restore it from your backup.")
    return bytes.fromhex(text)


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

    timezone: Annotated[str, AfterValidator(zone_name)] = Field("Europe/Copenhagen", description="the shop's zone")
    shop: str = Field("main", min_length=1, description="name of the shop; part of every order's id on the wire")
    lookback_days: int = Field(7, ge=1, le=60, description="a run without dates covers yesterday and the days before")
    closed: list[Days] = Field([], description="days without orders, such as 2026-12-24 or 2026-07-06..2026-07-26")
    deadline: Duration = Field(timedelta(hours=4), description="a run stops sending after this; the rest waits")
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
        description="only as CONVERSIONS_FORMER_KEYS: keys before this one, newest first, with commas",
        exclude=True,
    )
    log_key: SecretStr | None = Field(
        None, description="only as CONVERSIONS_LOG_KEY: 64 hex digits; absent: made from CONVERSIONS_KEY", exclude=True
    )

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
    def zone(self) -> ZoneInfo:
        """The shop's zone."""
        return ZoneInfo(self.timezone)

    @property
    def closed_days(self) -> frozenset[date]:
        """On which no orders are expected."""
        return frozenset(day for span in self.closed for day in days_of(span))

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
    def checkpoints_path(self) -> Path:
        """The directory outside the store's own that keeps the log's checkpoints."""
        if self.store.checkpoints is not None:
            return self.resolve(self.store.checkpoints)
        home = self.store_path.parent
        return home.with_name(f"{home.name}-{self.store_path.stem}.checkpoints")

    @property
    def journal_path(self) -> Path:
        """The file of objections and erasures, by which a restored store is brought up to date."""
        return self.checkpoints_path / "journal.jsonl"

    @property
    def secret_key(self) -> bytes:
        """The key, 32 bytes. Raises SettingsError where it is missing or malformed."""
        return _secret("CONVERSIONS_KEY", self.key)

    @property
    def secret_former_keys(self) -> list[bytes]:
        """The keys before it, newest first: people are found under them, too. Raises SettingsError if malformed."""
        names = self.former_keys.get_secret_value().split(",") if self.former_keys else []
        return [_secret("CONVERSIONS_FORMER_KEYS", SecretStr(name.strip())) for name in names]

    @property
    def first_key(self) -> bytes:
        """The first key that this shop had: what must be recognised for ever is derived from it."""
        return [self.secret_key, *self.secret_former_keys][-1]

    @property
    def secret_log_key(self) -> bytes | None:
        """The seed of the log's signing key, 32 bytes; None: made from the key. Raises SettingsError if malformed."""
        return _secret("CONVERSIONS_LOG_KEY", self.log_key) if self.log_key else None

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
