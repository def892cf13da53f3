"""Expressions that several statements share."""

from sqlalchemy import ColumnElement, func

from conversions.ledger.schema import tables


def value_differs() -> ColumnElement[bool]:
    """Whether the platform, if it holds the order, holds another value than is due."""
    d = tables.delivery.c
    return (
        (d.value_minor != d.due_minor)
        | (d.value_currency != d.stated_currency)
        | (d.value_exponent != d.stated_exponent)
    ) & d.due_minor.is_not(None)


def split_sum(column: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """A sum in two parts: a misread column may hold numbers whose sum does not fit 64 bits."""
    return func.sum(column.op(">>")(32)), func.sum(column.op("&")(4294967295))
