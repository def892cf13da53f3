"""What an operator is told of rows and orders that are not sent: which column it is, what it holds, how to mend it."""

from conversions import catalogue
from conversions.intake.sources.unparsed import NOTED, UnparsedValues
from conversions.model.conversion import Reason

COLUMN_OF = {
    Reason.NOT_COMPLETED: "status",
    Reason.NO_EMAIL: "email",
    Reason.UNUSABLE_EMAIL: "email",
    Reason.ALREADY_A_DIGEST: "email",
    Reason.UNKNOWN_CURRENCY: "currency",
    Reason.NO_PRODUCT: "product_ids",
    Reason.BAD_PRODUCT_ID: "product_ids",
    Reason.AMOUNT_NOT_ABOVE_ZERO: "amount",
    Reason.TOO_MANY_DECIMALS: "amount",
    Reason.AMOUNT_TOO_LARGE: "amount",
    Reason.NO_CONSENT: "consent",
    Reason.DENIED: "consent",
    Reason.IN_THE_FUTURE: "purchased_at",
}
"""Our column at fault, where an order is held back for what the settings say of it."""

_AMOUNT = "Write amounts with a decimal point and without a thousands mark, such as 1293.00."
_DATE = "Write dates as 2026-11-29, or with a time as 2026-11-29T13:30:00+01:00."
_PRODUCT = "Map a column of product IDs without spaces; source.product_separator stands between several."
_ADVICE: dict[Reason, str] = {
    Reason.WRONG_FIELD_COUNT: "Give every row as many cells as the header has.",
    Reason.BAD_AMOUNT: _AMOUNT,
    Reason.AMBIGUOUS_AMOUNT: "Where these are decimals, set decimals = 3 in [source.format]; otherwise export amounts "
    "without a thousands mark.",
    Reason.BAD_DATE: _DATE,
    Reason.NOT_COMPLETED: "Add to source.completed what means a finished sale.",
    Reason.NO_EMAIL: "Map the column of the buyers' e-mail addresses.",
    Reason.UNUSABLE_EMAIL: "Map the column of the buyers' e-mail addresses, as plain as ida@example.com.",
    Reason.ALREADY_A_DIGEST: "Map the column of the buyers' e-mail addresses in clear.",
    Reason.UNKNOWN_CURRENCY: 'Say what it means in [source.currency_aliases], such as kr = "DKK".',
    Reason.NO_PRODUCT: _PRODUCT,
    Reason.BAD_PRODUCT_ID: _PRODUCT,
    Reason.AMOUNT_NOT_ABOVE_ZERO: "Map the column of what the buyer paid.",
    Reason.TOO_MANY_DECIMALS: "Map the column of what the buyer paid, in the currency's own decimals.",
    Reason.AMOUNT_TOO_LARGE: "Map the column of what the buyer paid.",
    Reason.NO_CONSENT: "Say in source.consent_granted what means yes.",
    Reason.DENIED: "Say in source.consent_denied what means no, and nothing else.",
    Reason.IN_THE_FUTURE: "Map the column of the purchase time.",
    Reason.SHAPE: "See what the disclosure policy lists, and in which shape.",
}
_NAMED = NOTED | {Reason.NOT_COMPLETED, Reason.UNKNOWN_CURRENCY, Reason.BAD_PRODUCT_ID}


def why(unread: UnparsedValues, reason: Reason, field: str | None = None) -> str:
    """For a sentence: "column `total` (source.columns.amount) holds `293,00`", or the bare reason.

    *field* is our column at fault; of an order that is held back it is known by the reason.
    """
    column = field or COLUMN_OF.get(reason)
    if column is None:
        return catalogue.reason(reason)
    if reason in _NAMED and unread.named(column):
        return unread.described(column)
    return f"{unread.column(column)}: {catalogue.reason(reason)}"


def advice(unread: UnparsedValues, reason: Reason, field: str | None = None) -> str | None:
    """What to do about it, as a sentence."""
    commas = reason is Reason.BAD_AMOUNT and field is not None and unread.holds(field, ",")
    told = _ADVICE.get(reason)
    return f"There are commas in it. {told}" if commas else told


def sentence(unread: UnparsedValues, reason: Reason, field: str | None = None) -> str:
    """Which column it is, what it holds where that may be told, and how to mend it; *field* is our column."""
    said = why(unread, reason, field)
    return " ".join([f"{said[:1].upper()}{said[1:]}.", *filter(None, [advice(unread, reason, field)])])
