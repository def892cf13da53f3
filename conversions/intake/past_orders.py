"""What earlier orders of the source cost: the first figures of a new store, without persons."""

from collections.abc import Callable, Iterator

from conversions.intake.order import Order
from conversions.intake.sources.base import Source
from conversions.ledger.staging.new_orders import PastOrder
from conversions.ledger.store import microseconds
from conversions.model.conversion import Money, Window
from conversions.model.money import money
from conversions.statistics.magnitudes import magnitude

Products = Callable[[tuple[str, ...]], bytes]
"""Product IDs as digests: 8 bytes each."""


def past_orders(source: Source, window: Window, products: Products) -> Iterator[list[PastOrder]]:
    """The completed orders of *window*. Raises SourceError."""
    for chunk in source.chunks(window):
        orders = (one for one in chunk if isinstance(one, Order) and one.completed and one.product_ids)
        inside = (one for one in orders if window.since <= one.purchase_day <= window.until)
        yield [past for past in (_past(one, products) for one in inside) if past is not None]


def _past(order: Order, products: Products) -> PastOrder | None:
    paid = money(order.amount - order.refunded, order.currency)
    if not isinstance(paid, Money) or paid.minor <= 0:
        return None
    bought, digests = microseconds(order.purchased_at), products(order.product_ids)
    return PastOrder(order.number, order.currency, bought, magnitude(paid.minor, paid.exponent), digests)
