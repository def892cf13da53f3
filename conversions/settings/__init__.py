"""Every setting, documented once: TOML holds what the shop decided, the environment or ``.env`` the secrets.

Order of precedence: environment, ``.env``, ``conversions.toml``, defaults. Typos are refused; relative paths are
relative to the file.
"""

from conversions.settings.load import environment_names, load
from conversions.settings.sections import (
    AnySourceSettings,
    Bounds,
    Columns,
    DestinationSettings,
    FileSource,
    GoogleSettings,
    MetaSettings,
    NaiveTimes,
    Privacy,
    Section,
    SourceBase,
    SqlSource,
    Store,
)
from conversions.settings.values import duration
from conversions.settings.whole import Settings

__all__ = [
    "AnySourceSettings",
    "Bounds",
    "Columns",
    "DestinationSettings",
    "FileSource",
    "GoogleSettings",
    "MetaSettings",
    "NaiveTimes",
    "Privacy",
    "Section",
    "Settings",
    "SourceBase",
    "SqlSource",
    "Store",
    "duration",
    "environment_names",
    "load",
]
