"""Amounts of the source's earlier orders, without personal data: the first figures of a new store."""

from collections.abc import Callable, Iterator

from conversions.intake.order import Order
from conversions.intake.sources.base import Source
from conversions.ledger.staging.new_orders import PastOrder
from conversions.ledger.store import microseconds
from conversions.model.conversion import Money, Window
from conversions.model.money import money
from conversions.statistics.magnitudes import magnitude

Products = Callable[[tuple[str, ...]], bytes]
"""From product IDs to their digests, 8 bytes each."""


def past_orders(source: Source, window: Window, products: Products) -> Iterator[list[PastOrder]]:
    """Yield the completed orders of *window*, in chunks. Raises SourceError."""
    for chunk in source.chunks(window):
        orders = (
            row for row in chunk if isinstance(row, Order) and row.completed and not row.withheld and row.product_ids
        )
        inside = (order for order in orders if window.since <= order.purchase_day <= window.until)
        yield [past for past in (_past_order(order, products) for order in inside) if past is not None]


def _past_order(order: Order, products: Products) -> PastOrder | None:
    paid = money(order.amount - order.refunded, order.currency)
    if not isinstance(paid, Money) or paid.minor <= 0:
        return None
    bought, digests = microseconds(order.purchased_at), products(order.product_ids)
    return PastOrder(order.number, order.currency, bought, magnitude(paid.minor, paid.exponent), digests)
