"""Every setting, documented once: TOML holds what the shop decided, the environment or ``.env`` the secrets.

Order of precedence: environment, ``.env``, ``conversions.toml``, defaults. Typos are refused; relative paths are
relative to the file.
"""

from conversions.settings.load import environment_names, load
from conversions.settings.sections import (
    AnySource,
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
    SqlSource,
    Store,
)
from conversions.settings.values import duration
from conversions.settings.whole import Settings

__all__ = [
    "AnySource",
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
    "SqlSource",
    "Store",
    "duration",
    "environment_names",
    "load",
]
