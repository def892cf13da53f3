"""The products of one order as one platform may see them: quantity and unit price only where the policy lists them."""

from datetime import date

from conversions.intake.order import Cart, Order
from conversions.model.conversion import MAX_QUANTITY, CartItem, Reason
from conversions.model.rules import CartRules


class CartBuilder:
    """Builds carts by the same rules for many orders."""

    def __init__(self, rules: CartRules) -> None:
        self._quantity_from = rules.quantity_from or date.max
        self._unit_price_from = rules.unit_price_from or date.max

    def __call__(self, order: Order) -> tuple[CartItem, ...] | Reason:
        """Return the cart of *order*, or why it cannot be used; empty where there is nothing beyond product IDs."""
        if order.cart is None:
            return ()
        quantities = order.cart.quantities if order.purchase_day >= self._quantity_from else None
        prices = order.cart.unit_prices if order.purchase_day >= self._unit_price_from else None
        for stated in (quantities, prices):
            if isinstance(stated, Reason):
                return stated
        return _items(order.cart._replace(quantities=quantities, unit_prices=prices))


def _items(cart: Cart) -> tuple[CartItem, ...] | Reason:
    """Return each product once per price: two lines of one product would tell a quantity that may not be listed."""
    quantities, prices = cart.quantities, cart.unit_prices
    unknown = (None,) * len(cart.product_ids)
    lines = list(zip(cart.product_ids, prices if isinstance(prices, tuple) else unknown, strict=True))
    if not isinstance(quantities, tuple):
        return tuple(CartItem(product, None, price) for product, price in dict.fromkeys(lines) if price is not None)
    total = dict.fromkeys(lines, 0)
    for line, quantity in zip(lines, quantities, strict=True):
        total[line] += quantity
    if max(total.values(), default=0) > MAX_QUANTITY:
        return Reason.BAD_QUANTITY
    return tuple(CartItem(product, quantity, price) for (product, price), quantity in total.items())
