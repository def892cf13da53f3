"""Our columns: their order in a row, and those that a row must not lack."""

FIELDS = (
    "order_id",
    "email",
    "amount",
    "currency",
    "product_ids",
    "purchased_at",
    "status",
    "completed_at",
    "updated_at",
    "refunded",
    "consent",
    "ad_personalization",
    "cancelled_at",
    "test",
    "quantities",
    "unit_prices",
)
"""Our columns, in the order that ``ColumnMap.order`` expects."""
LINE_SEPARATOR = "\N{DOUBLE VERTICAL LINE}"
"""Separates the lines of an order that had a row each; no product ID contains it."""

LINES = ("product_ids", "quantities", "unit_prices")
"""Our columns of one line of an order, which must not be missing either in a file of items."""
NEEDED = ("order_id", "email", "amount", "currency", "purchased_at", "status", "consent", "ad_personalization")
"""Our columns whose cell must not be missing at the end of a row. The others are empty there: Excel writes so.

A row that was broken in two must not lose a buyer's refusal.
"""
