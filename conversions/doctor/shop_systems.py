"""What a person should know of a shop system and of its settings."""

from collections.abc import Iterator

from conversions.catalogue import APPROVE
from conversions.doctor.check_result import CheckResult, note, problem
from conversions.intake.sources.base import Source
from conversions.intake.sources.shopify import Shopify
from conversions.intake.sources.woocommerce_tables import WooCommerceDatabase
from conversions.settings import Settings, ShopifySource, WooCommerceMeaning, WooCommerceSource


def check_shop_system(settings: Settings, source: Source) -> Iterator[CheckResult]:
    """Yield notes on a shop system, which was read before. Raises SourceError where it does not answer."""
    shop = settings.source
    if isinstance(shop, WooCommerceSource) and shop.auth == "query":
        yield note(
            "source",
            "The consumer key is part of each address that the shop is asked for, so that its access log holds it.",
            'Let the web server pass the Authorization header, then remove auth = "query".',
        )
    if isinstance(shop, WooCommerceMeaning | ShopifySource) and shop.renewals is None:
        yield note(
            "source",
            "It is not set whether renewals of subscriptions are sent; they are withheld. No click caused them.",
            'Set source.renewals to "withhold" or "send".',
        )
    if isinstance(source, Shopify):
        yield from _shopify(source)
    if isinstance(source, WooCommerceDatabase) and source.is_out_of_use():
        yield problem(
            "source",
            "WooCommerce puts new orders into other tables: High-Performance Order Storage was turned on or off, and "
            "those of the preset are not kept equal. New orders would be missing without an error.",
            f'Set source.preset = "{source.other_preset}", then {APPROVE}.',
        )


def _shopify(source: Shopify) -> Iterator[CheckResult]:
    if source.orders_without_address:
        yield note(
            "source",
            f"None of {source.orders_without_address} orders shows an e-mail address. Either all are sales at a till, "
            "or the app lacks access to protected customer data, level 2.",
            "Look at one of these orders in Shopify; if it has an address, request e-mail under API access, Protected "
            "customer data access, in the Dev Dashboard.",
        )
    if source.is_limited():
        yield note(
            "source",
            "This app sees orders of the last 60 days only: it lacks the scope read_all_orders. Older orders are "
            "missing without an error, and their refunds are not seen.",
            "Request the scope for the app in Shopify's Dev Dashboard, if older orders matter.",
        )
    asked, answered = source.api_version, source.client.answered_version
    if answered and answered != asked:
        yield note(
            "source",
            f"Shopify answers with version {answered} of its API, and the settings ask for {asked}.",
            f'Read Shopify\'s release notes, then set source.api_version = "{answered}".',
        )
