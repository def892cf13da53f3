"""SQL expressions that several statements share."""

from sqlalchemy import ColumnElement, FromClause, cast, func, literal_column

from conversions.ledger.schema import views
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, MAX_REVISIONS, REVISION_BITS, Int

IS_PRESENT_EVENT = f"d.id = e.id >> {REVISION_BITS} AND d.revision = e.id & {MAX_REVISIONS - 1}"
"""Whether ``e`` is the present event of the delivery ``d``, for a statement that begins with a list of events."""
PERSON_OF_EVENT = "CASE WHEN p.event IS NULL THEN a.subject ELSE p.subject END"
"""The buyer of the event ``e`` of the sale ``a``, with ``earlier_person p`` joined on the event."""
MISADDRESSED = f"EXISTS (SELECT 1 FROM rectified_order x WHERE x.sale = a.id AND x.wrong = {PERSON_OF_EVENT})"
"""Whether such an event has an address that was wrong (GDPR art. 16): it is never sent, nor again."""


def deliveries_of(sale: str) -> str:
    """Key range of the deliveries of *sale*, an expression: ``d.id BETWEEN …``."""
    return f"BETWEEN {sale} << {DESTINATION_BITS} AND {sale} << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}"


def value_differs(orders: FromClause = views.delivery) -> ColumnElement[bool]:
    """Whether the value that was sent last differs from the value that the platform should have."""
    d = orders.c
    return (
        (d.value_minor != d.due_minor)
        | (d.value_currency != d.stated_currency)
        | (d.value_exponent != d.stated_exponent)
    ) & d.due_minor.is_not(None)


def split_sum(column: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """A sum as its upper part and its lower 32 bits, because the sum of a misread column may not fit 64 bits."""
    parts = (column.op(">>")(literal_column("32")), column.op("&")(4294967295))
    high, low = (cast(func.sum(part), Int) for part in parts)
    return high, low
