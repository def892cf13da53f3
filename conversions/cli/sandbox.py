"""``conversions sandbox``: a strict local stand-in for both platforms, and for a shop."""

import sys
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli.output import show

if TYPE_CHECKING:
    from conversions.sandbox import Sandbox

FAULT = (
    "Fault to inject: KIND[:google|:meta][@PROBABILITY][xCOUNT][=VALUE] with KIND one of 429 (value: Retry-After), 503,"
    " html, expired-token, quota-per-day, dropped, lost, no-request-id, wrong-count, slow (value: seconds), poison,"
    " verdict (value: Google's late reason, for a share), counts-only, processing, no-verdicts,"
    " require-token. Repeatable; for example 429:google@0.1x3=30."
)
SHOP_FAULT = (
    "Fault of the shop: KIND[@PROBABILITY][xCOUNT][=NUMBER], such as 503@0.1x3 or moving=2. Repeatable; a KIND that is"
    " none prints those that the shop has."
)


class ShopKind(StrEnum):
    """The kinds of shops that the sandbox can be."""

    WOOCOMMERCE = "woocommerce"
    SHOPIFY = "shopify"


def sandbox(
    *,
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one.", min=0, max=65535)] = 8085,
    fault: Annotated[list[str] | None, typer.Option(help=FAULT)] = None,
    poison: Annotated[list[str] | None, typer.Option(help="Event id, or part of a product ID, to refuse.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    counting: Annotated[bool, typer.Option("--counting", help="Count events without checks, for load tests.")] = False,
    unmatched: Annotated[
        float, typer.Option(help="Share of orders that Google reports as unmatched.", min=0, max=1)
    ] = 0,
    processing: Annotated[float, typer.Option(help="Seconds until Google's diagnostics are final.", min=0)] = 0,
    shop: Annotated[ShopKind | None, typer.Option(help="Be a shop, too, and print the settings for it.")] = None,
    shop_orders: Annotated[int, typer.Option(help="Orders of the last 7 days in the shop.", min=1)] = 500,
    shop_fault: Annotated[list[str] | None, typer.Option(help=SHOP_FAULT)] = None,
) -> None:
    """Run a local stand-in for both platforms until interrupted; it checks requests and counts events."""
    from conversions.sandbox import Options, Sandbox, ShopOptions, serve

    faults = [*(fault or ()), *(f"poison={text}" for text in poison or ())]
    wait = timedelta(seconds=processing)
    options = Options(
        counting=counting,
        seed=seed,
        unmatched=unmatched,
        processing=wait,
        shop=ShopOptions(shop.value, shop_orders, faults=tuple(shop_fault or ())) if shop else None,
    )
    serve(Sandbox(port, faults, options), partial(_announce, shop))


def _announce(shop: ShopKind | None, running: "Sandbox") -> None:
    show(f"The sandbox answers at {running.url}")
    show(f'For a rehearsal, set endpoint = "{running.url}" in each section of [destinations],')
    show(f"or CONVERSIONS_GOOGLE__ENDPOINT={running.url} and CONVERSIONS_META__ENDPOINT={running.url}.")
    match shop:
        case ShopKind.WOOCOMMERCE:
            _announce_woocommerce(running.url)
        case ShopKind.SHOPIFY:
            _announce_shopify(running.url)
    show(f"Received events: {running.url}/_sandbox/received (with ?bodies=1 every body). Ctrl-C ends it.")
    sys.stdout.flush()


def _announce_woocommerce(url: str) -> None:
    from conversions.sandbox.woocommerce.orders import CONSENT_META
    from conversions.sandbox.woocommerce.shop import KEY, SECRET

    show("It is a WooCommerce shop, too. In conversions.toml:")
    show(f'[source]\nkind = "woocommerce"\nurl = "{url}"\ncompleted = ["completed", "processing"]')
    show(f'renewals = "withhold"\nconsent_meta = "{CONSENT_META}"')
    show(f"and in .env CONVERSIONS_SOURCE__CONSUMER_KEY={KEY} and CONVERSIONS_SOURCE__CONSUMER_SECRET={SECRET}.")


def _announce_shopify(url: str) -> None:
    from conversions.sandbox.shopify.orders import CONSENT_ATTRIBUTE
    from conversions.sandbox.shopify.shop import CLIENT_ID, CLIENT_SECRET

    show("It is a Shopify shop, too. In conversions.toml:")
    show(f'[source]\nkind = "shopify"\nshop = "sandbox.myshopify.com"\nendpoint = "{url}"')
    show('completed = ["paid", "partially_refunded"]')
    show(f'renewals = "withhold"\nconsent_attribute = "{CONSENT_ATTRIBUTE}"')
    show(
        f"and in .env CONVERSIONS_SOURCE__CLIENT_ID={CLIENT_ID} and CONVERSIONS_SOURCE__CLIENT_SECRET={CLIENT_SECRET}."
    )
