"""Sources of orders: one module per kind, all with the interface in ``base``."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import assert_never
from zoneinfo import ZoneInfo

from conversions.intake.sources.base import Source
from conversions.observe.progress import SILENT, Progress
from conversions.settings import (
    AnySourceSettings,
    FileSource,
    ShopifySource,
    SqlSource,
    WooCommerceSource,
    WooCommerceTables,
)
from conversions.transport.route import DIRECT, Route


def open_source(  # noqa: PLR0913 - what sources of every kind need
    settings: AnySourceSettings,
    *,
    zone: ZoneInfo,
    resolve: Callable[[str], Path],
    clock: Callable[[], datetime],
    key: bytes,
    route: Route = DIRECT,
    progress: Progress = SILENT,
) -> Source:
    """Return the shop's source; it opens nothing before ``check`` or ``chunks``.

    ``zone`` is the shop's zone, ``resolve`` makes a path of the settings absolute, ``clock`` returns aware instants.
    ``key`` is ``derive(key, row_digest.PURPOSE)``: the key of the digests of bad rows and statuses.
    ``route`` leads to a shop that is asked over the network; ``progress`` shows what a reading waits for.
    Raises SettingsError where the source's address is malformed.
    """
    match settings:
        case FileSource():
            from conversions.intake.sources.files.source import Files
            from conversions.intake.sources.files.storage import open_storage

            return Files(settings, open_storage(settings, resolve, clock, route), zone=zone, key=key)
        case SqlSource():
            from conversions.intake.sources.sql.source import Query

            return Query(settings, zone=zone, resolve=resolve, key=key)
        case WooCommerceTables():
            from conversions.intake.sources.woocommerce_tables import WooCommerceDatabase

            return WooCommerceDatabase(settings, zone=zone, resolve=resolve, key=key)
        case WooCommerceSource():
            from conversions.intake.sources.woocommerce import WooCommerce

            return WooCommerce(settings, zone=zone, clock=clock, key=key, route=route)
        case ShopifySource():
            from conversions.intake.sources.shopify import Shopify

            return Shopify(settings, zone=zone, clock=clock, key=key, route=route, progress=progress)
        case _:
            assert_never(settings)
