"""SQL expressions that several statements share."""

from sqlalchemy import ColumnElement, func

from conversions.ledger.schema import tables


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
    return func.sum(column.op(">>")(32)), func.sum(column.op("&")(4294967295))
