"""All settings, each documented once. The TOML file has the shop's decisions; the environment has the secrets.

Order of precedence: environment, ``.env``, ``conversions.toml``, defaults. An unknown name is an error. Relative paths
start at the directory of the settings file.
"""

from conversions.settings.load import environment_names, load
from conversions.settings.section import Section
from conversions.settings.sections import (
    Bounds,
    Columns,
    DestinationSettings,
    FileSource,
    GoogleSettings,
    MetaSettings,
    NaiveTimes,
    Privacy,
    SourceBase,
    SqlSource,
    Store,
)
from conversions.settings.settings import Settings
from conversions.settings.shop_systems import (
    AnySourceSettings,
    ShopifySource,
    WooCommerceMeaning,
    WooCommerceSource,
    WooCommerceTables,
)
from conversions.settings.values import duration

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
    "ShopifySource",
    "SourceBase",
    "SqlSource",
    "Store",
    "WooCommerceMeaning",
    "WooCommerceSource",
    "WooCommerceTables",
    "duration",
    "environment_names",
    "load",
]
