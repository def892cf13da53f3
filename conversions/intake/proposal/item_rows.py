"""Whether an order has a row for each of its items, as far as the rows show it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from conversions.intake.proposal.cell_kinds import is_blank

Row = tuple[str, ...]
_OF_THE_ORDER = ("email", "currency", "purchased_at", "status")
_MOST = 0.8

ItemRows = Literal["none", "items", "items_with_amounts"]
"""An order has one row; a row for each item; and these differ in the amount, too."""


def item_rows(rows: Sequence[Row], index: Mapping[str, int]) -> ItemRows:
    """Return what the rows are; *index* is the place of each of our columns that was found.

    Rows of one order that differ in its own columns are versions of it, not items.
    """
    if "order_id" not in index:
        return "none"
    found = [_differing(group, index) for group in _orders(rows, index["order_id"]) if len(group) > 1]
    items = [fields for fields in found if fields is not None]
    if not items or len(items) < _MOST * len(found):
        return "none"
    return "items_with_amounts" if any(index.get("amount") in fields for fields in items) else "items"


def _orders(rows: Sequence[Row], number: int) -> list[list[Row]]:
    """Return the rows of each order; a blank number is the order of the row above."""
    orders: dict[str, list[Row]] = defaultdict(list)
    last = ""
    for row in rows:
        last = row[number].strip() or last
        orders[last].append(row)
    return [*orders.values()]


def _differing(rows: Sequence[Row], index: Mapping[str, int]) -> set[int] | None:
    """Return the columns in which the rows of one order differ; None where they are no rows of items."""
    columns = [{row[nth].strip() for row in rows if not is_blank(row[nth])} for nth in range(len(rows[0]))]
    differing = {nth for nth, cells in enumerate(columns) if len(cells) > 1}
    continued = any(is_blank(row[index["order_id"]]) for row in rows)
    if any(index.get(field) in differing for field in _OF_THE_ORDER) or not (differing or continued):
        return None
    return differing
