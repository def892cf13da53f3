"""SQL expressions that several statements share."""

from sqlalchemy import ColumnElement, cast, func, literal_column

from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, REVISION_BITS, Int

_SALE_BITS = DESTINATION_BITS + REVISION_BITS
DELIVERIES_OF = f"BETWEEN j.value << {DESTINATION_BITS} AND j.value << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}"
EVENTS_OF = f"BETWEEN j.value << {_SALE_BITS} AND j.value << {_SALE_BITS} | {(1 << _SALE_BITS) - 1}"
"""Key ranges of the deliveries and of the events of the sale ``j.value``."""


def deliveries_of(sale: str) -> str:
    """Key range of the deliveries of *sale*, an expression: ``d.id BETWEEN …``."""
    return f"BETWEEN {sale} << {DESTINATION_BITS} AND {sale} << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}"


def events_of(sale: str) -> str:
    """Key range of the events of *sale*, an expression: ``e.id BETWEEN …``."""
    return f"BETWEEN {sale} << {_SALE_BITS} AND {sale} << {_SALE_BITS} | {(1 << _SALE_BITS) - 1}"


MISADDRESSED = "EXISTS (SELECT 1 FROM rectified_order x WHERE x.sale = d.sale AND x.wrong = e.subject)"
"""Whether event ``e`` of delivery ``d`` has an address that was wrong (GDPR art. 16): it is never sent, nor again."""


def value_differs() -> ColumnElement[bool]:
    """Whether the value that was sent last differs from the value that the platform should have."""
    d = tables.delivery.c
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


def delivery_of(event: ColumnElement[int]) -> ColumnElement[int]:
    """Key of the delivery of an event key; PostgreSQL shifts by a plain integer only."""
    return event.op(">>")(literal_column(str(REVISION_BITS)))
