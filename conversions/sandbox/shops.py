"""The shops that the sandbox can be."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, assert_never

from conversions.sandbox.base import Answer, Request

ShopKind = Literal["woocommerce", "shopify"]


class Shop(Protocol):
    """A shop that answers requests. Several threads may call it at the same time."""

    requests: int
    """How many it was asked."""

    def owns(self, path: str) -> bool:
        """Whether a path is the shop's."""

    def answer(self, request: Request) -> Answer | None:
        """The answer; None: close the connection."""


@dataclass(frozen=True, slots=True)
class ShopOptions:
    """The shop that the sandbox is."""

    kind: ShopKind
    orders: int = 500
    days: int = 7
    """Days over which the orders are spread."""
    faults: tuple[str, ...] = ()
    """Texts for ``shop_faults``."""


def open_shop(options: ShopOptions, clock: Callable[[], datetime], seed: int) -> Shop:
    """Return the shop. Raises Usage for an invalid fault."""
    kind, orders, days, faults = options.kind, options.orders, options.days, options.faults
    match kind:
        case "woocommerce":
            from conversions.sandbox.woocommerce import Shop as WooCommerce
            from conversions.sandbox.woocommerce.orders import Orders as WooCommerceOrders

            return WooCommerce(WooCommerceOrders(orders, clock(), days), faults, clock, seed)
        case "shopify":
            from conversions.sandbox.shopify import Shop as Shopify
            from conversions.sandbox.shopify.orders import Orders as ShopifyOrders

            return Shopify(ShopifyOrders(orders, clock(), days), faults, clock, seed)
        case _:
            assert_never(kind)
