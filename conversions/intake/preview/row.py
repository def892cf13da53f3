"""One row of the source as a preview shows it: an order without its address, or why the row is none."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from conversions.intake.order import Order, RowRejected
from conversions.intake.preview.address_count import AddressState
from conversions.intake.preview.printed_cells import printed_amount, printed_number, printed_product
from conversions.model.conversion import Consent, Reason


@dataclass(frozen=True, slots=True)
class Product:
    """A line of an order."""

    id: str | None
    """None where it may not be printed."""
    quantity: int | None = None
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row; what may not be printed is None."""

    place: str
    number: str | None
    shown_number: str | None = None
    purchased_at: datetime | None = None
    """Aware, UTC."""
    ends_day: bool = False
    """Only the day of the purchase is known."""
    status: str | None = None
    completed: bool = False
    amount: Decimal | None = None
    refunded: Decimal | None = None
    currency: str | None = None
    products: tuple[Product, ...] = ()
    consent: Consent | None = None
    address: AddressState | None = None
    orders_of_address: int = 0
    """Orders of the reading with the same address."""
    rank_place: int | None = None
    """The place of the row in the reading, by which the store knows it; None for a row that is no order."""
    reason: Reason | None = None
    """Why the row is no order."""
    field: str | None = None
    """Our name of the column at fault."""

    @property
    def is_order(self) -> bool:
        """Whether the row states an order."""
        return self.rank_place is not None


def rejected_row(row: RowRejected) -> PreviewRow:
    """Return the row of a rejection."""
    return PreviewRow(row.place, printed_number(row.order_no), reason=row.reason, field=row.field)


def order_row(
    order: Order, status: str | None, currency: str | None, address: AddressState, orders_of_address: int
) -> PreviewRow:
    """Return the row of *order*; the other arguments are what may be printed of its cells."""
    return PreviewRow(
        place=order.place,
        number=printed_number(order.number),
        shown_number=printed_number(order.shown_number),
        purchased_at=order.purchased_at,
        ends_day=order.ends_day,
        status=status,
        completed=order.completed,
        # An amount that may be thousands is shown as it was written.
        amount=order.amount if order.ambiguous else printed_amount(order.amount, order.currency),
        refunded=printed_amount(order.refunded, order.currency),
        currency=currency,
        products=_products(order),
        consent=order.consent,
        address=address,
        orders_of_address=orders_of_address,
        rank_place=order.rank[1],
    )


def _products(order: Order) -> tuple[Product, ...]:
    cart = order.cart
    if cart is None:
        return tuple(Product(printed_product(each)) for each in order.product_ids)
    count = len(cart.product_ids)
    quantities = cart.quantities if isinstance(cart.quantities, tuple) else (None,) * count
    prices = cart.unit_prices if isinstance(cart.unit_prices, tuple) else (None,) * count
    lines = zip(cart.product_ids, quantities, prices, strict=True)
    return tuple(
        Product(printed_product(product_id), quantity, None if price is None else printed_amount(price, order.currency))
        for product_id, quantity, price in lines
    )
