"""Where a shop keeps its orders: one file per kind, all behind the grammar of ``base``."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import assert_never
from zoneinfo import ZoneInfo

from conversions.intake.sources.base import Source
from conversions.settings import AnySourceSettings, FileSource, SqlSource


def open_source(
    settings: AnySourceSettings,
    *,
    zone: ZoneInfo,
    resolve: Callable[[str], Path],
    clock: Callable[[], datetime],
    key: bytes,
) -> Source:
    """The shop's source; nothing is opened before ``check`` or ``chunks``.

    ``zone`` is the shop's, ``resolve`` makes a path of the settings absolute, ``clock`` is the present, aware.
    ``key`` is ``derive(key, content.PURPOSE)``: what is known again, and not kept, is known under it.
    Raises SettingsError where the source's address makes no sense.
    """
    match settings:
        case FileSource():
            from conversions.intake.sources.files import Files

            return Files(settings, zone=zone, resolve=resolve, clock=clock, key=key)
        case SqlSource():
            from conversions.intake.sources.sql import Query

            return Query(settings, zone=zone, resolve=resolve, key=key)
        case _:
            assert_never(settings)
