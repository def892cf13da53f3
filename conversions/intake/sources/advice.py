"""Messages about rows and orders that are not sent: the column, what it contains, and how to correct it."""

from conversions import catalogue
from conversions.catalogue import APPROVE
from conversions.intake.sources.cells.date_advice import date_advice
from conversions.intake.sources.unparsed import CELL_REASONS, UnparsedValues
from conversions.model.conversion import Reason

COLUMN_OF = {
    Reason.NOT_COMPLETED: "status",
    Reason.NO_EMAIL: "email",
    Reason.UNUSABLE_EMAIL: "email",
    Reason.ALREADY_A_DIGEST: "email",
    Reason.UNKNOWN_CURRENCY: "currency",
    Reason.NO_PRODUCT: "product_ids",
    Reason.BAD_PRODUCT_ID: "product_ids",
    Reason.BAD_QUANTITY: "quantities",
    Reason.BAD_UNIT_PRICE: "unit_prices",
    Reason.AMOUNT_NOT_ABOVE_ZERO: "amount",
    Reason.TOO_MANY_DECIMALS: "amount",
    Reason.AMOUNT_TOO_LARGE: "amount",
    Reason.NO_CONSENT: "consent",
    Reason.TEST_ORDER: "test",
    Reason.DENIED: "consent",
    Reason.IN_THE_FUTURE: "purchased_at",
}
"""Our column at fault, by the reason why an order is not sent."""

_THEN = f"Then {APPROVE}."
_AMOUNT = (
    "Let decimal_mark, thousands_mark and minor_units in [source.format] say how the column is written, or write "
    "amounts such as 1293.00."
)
_PRODUCT = (
    "Map a column of product IDs, never names: without spaces, several separated by source.product_separator or as a "
    "list of texts."
)
_PAID = "Map the column with the amount that the buyer paid"
_EMAIL = "Map the column of the buyers' e-mail addresses"
_ADVICE: dict[Reason, str] = {
    Reason.WRONG_FIELD_COUNT: "Give every row as many cells as the header has.",
    Reason.NOT_TEXT: "Where a text file is not UTF-8, set its encoding in [source.format], such as "
    f'encoding = "windows-1252", then {APPROVE}. In a workbook, correct the formula, or write long numbers as text.',
    Reason.BAD_AMOUNT: _AMOUNT,
    Reason.AMBIGUOUS_AMOUNT: 'Set decimal_mark in [source.format] to the mark before the decimals, "." or ",": '
    f"it says what 1.200 and 1,200 are. {_THEN}",
    Reason.OTHER_CURRENCY: "Map the column of the currency in which these amounts are; or, where the sign "
    f'beside them means another one in this shop, say so in [source.currency_aliases], such as "$" = "CLP". {_THEN}',
    Reason.LINES_DISAGREE: "Map columns with one value for each order; where the amounts are those of lines, set "
    f'items_amount = "sum" in [source.format], and leave rows of totals out of the export. {_THEN}',
    Reason.NOT_COMPLETED: f"Add every status of a finished sale to source.completed. {_THEN}",
    Reason.NOT_PAID: f'They go once they are paid or completed; source.unpaid = "send" takes them now. {_THEN}',
    Reason.RENEWAL_UNDECIDED: f'Set source.renewals to "withhold" or "send": no click caused a renewal. {_THEN}',
    Reason.NO_EMAIL: f"{_EMAIL}. {_THEN}",
    Reason.UNUSABLE_EMAIL: f"{_EMAIL}, in the plain form ida@example.com. {_THEN}",
    Reason.ALREADY_A_DIGEST: f"{_EMAIL} in clear text. {_THEN}",
    Reason.UNKNOWN_CURRENCY: f'Add its meaning to [source.currency_aliases], such as kr = "DKK". {_THEN}',
    Reason.NO_PRODUCT: _PRODUCT,
    Reason.BAD_PRODUCT_ID: _PRODUCT,
    Reason.BAD_QUANTITY: "Map a column with the number of pieces of each product, whole numbers from 1.",
    Reason.BAD_UNIT_PRICE: "Write the price of one piece with the currency's own decimals, such as 129.00; where "
    f"1.200 is meant, set decimal_mark in [source.format]. {_THEN}",
    Reason.CART_COUNT: "Give source.columns.quantities and source.columns.unit_prices one value for each product ID, "
    "in the same order, separated by source.product_separator.",
    Reason.AMOUNT_NOT_ABOVE_ZERO: f"{_PAID}.",
    Reason.TOO_MANY_DECIMALS: f"{_PAID}, with the currency's own decimals.",
    Reason.AMOUNT_TOO_LARGE: f"{_PAID}.",
    Reason.TEST_ORDER: f"Keep only words that mean a test in source.test_values. {_THEN}",
    Reason.NO_CONSENT: f"Add every word that means yes to source.consent_granted. {_THEN}",
    Reason.DENIED: f"Keep only words that mean no in source.consent_denied. {_THEN}",
    Reason.IN_THE_FUTURE: "Map the column of the purchase time.",
    Reason.SHAPE: "Compare the order with the paths and shapes in the disclosure policy.",
}
_OF_SHOP_SYSTEMS = {
    reason: _ADVICE[reason]
    for reason in (
        Reason.NOT_PAID,
        Reason.RENEWAL_UNDECIDED,
        Reason.UNKNOWN_CURRENCY,
        Reason.NO_CONSENT,
        Reason.DENIED,
        Reason.SHAPE,
    )
} | {
    Reason.NOT_COMPLETED: "Add a status to source.completed only if it means a finished sale.",
    Reason.NO_EMAIL: "Orders that were paid at a till, or entered by hand, often have none.",
    Reason.NO_PRODUCT: "The shop no longer has these products.",
    Reason.BAD_PRODUCT_ID: 'An SKU with spaces cannot be sent: correct it in the shop, or set product_id = "product".',
}
"""Where no column is mapped: other advice would send people to a setting that does not exist."""
_NAMED_REASONS = (
    CELL_REASONS
    | {Reason.NOT_COMPLETED, Reason.UNKNOWN_CURRENCY, Reason.BAD_PRODUCT_ID}
    | {
        Reason.BAD_QUANTITY,
        Reason.BAD_UNIT_PRICE,
    }
)


def cause(unread: UnparsedValues, reason: Reason, field: str | None = None) -> str:
    """Part of a message: "column `total` (source.columns.amount) holds `293,00`", or the reason alone.

    *field* is our column at fault; if None, the reason decides it.
    """
    column = field or COLUMN_OF.get(reason)
    if column is None:
        return catalogue.reason(reason)
    if reason in _NAMED_REASONS and unread.words(column):
        return unread.describe(column)
    return f"{unread.column(column)}: {catalogue.reason(reason)}"


def advice(unread: UnparsedValues, reason: Reason, field: str | None = None) -> str | None:
    """Return one sentence on what to do about it, or None."""
    if not unread.mapped:
        return _OF_SHOP_SYSTEMS.get(reason)
    if reason is Reason.BAD_DATE:
        column = field or "purchased_at"
        return date_advice(unread.shown(column), unread.places(column), unread.dates)
    return _ADVICE.get(reason)


def message(unread: UnparsedValues, reason: Reason, field: str | None = None) -> str:
    """Return the cause and the advice as sentences; *field* is our column at fault."""
    text = cause(unread, reason, field)
    end = "" if text.endswith("?") else "."
    return " ".join([f"{text[:1].upper()}{text[1:]}{end}", *filter(None, [advice(unread, reason, field)])])
