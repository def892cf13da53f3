"""Texts that stores, logs and documents held before schema 0004, and the codes in their place. Never changed again."""

REASONS = {
    "wrong number of fields": "wrong_field_count",
    "unfinished last line": "unfinished_line",
    "cell too large": "cell_too_large",
    "not valid text": "not_text",
    "no order number": "no_order_number",
    "unusable order number": "bad_order_number",
    "unreadable amount": "bad_amount",
    "three digits after the point: thousands or decimals?": "ambiguous_amount",
    "unreadable date": "bad_date",
    "same order number with another address or purchase time": "conflict",
    "several rows of one order that disagree": "several_rows",
    "money paid back in a row of its own": "refund_row",
    "not completed": "not_completed",
    "no e-mail address": "no_email",
    "unusable e-mail address": "unusable_email",
    "the address already is a digest": "already_a_digest",
    "amount not above zero": "amount_not_above_zero",
    "no consent recorded": "no_consent",
    "consent denied": "consent_denied",
    "objection": "objection",
    "consent withdrawn": "consent_withdrawn",
    "too old for this platform": "too_old",
    "before the start of sending": "before_start",
    "purchased in the future": "in_the_future",
    "also reported by the web tag, and past its de-duplication window": "also_reported",
    "erased": "erased",
    "maybe received, and may no longer be sent": "maybe_received",
    "unusual amount": "unusual_amount",
    "refused after it was received": "refused_later",
    "refused for the account's setup": "account_setup",
    "unknown currency": "unknown_currency",
    "more decimals than the currency has": "too_many_decimals",
    "amount too large": "amount_too_large",
    "no product ID": "no_product",
    "product ID of an unexpected shape": "bad_product_id",
    "does not fit the disclosure policy": "policy_mismatch",
    "refused by the platform": "refused_by_platform",
    "a status that was never seen here": "new_status",
}
"""Why an order or a row is not sent."""
NOT_ELIGIBLE = {
    "cannot be corrected there": "no_correction",
    "the platform has not confirmed that it holds the order": "not_confirmed",
    "the platform matched the order to no ad": "unmatched",
    "too old for this platform": "too_old",
    "an earlier restatement of it is open": "open_restatement",
    "the platform refused this value before": "refused_before",
    "what was sent is erased": "erased",
    "unknown currency or unfit amount": "unfit",
    "restated too often": "too_often",
}
"""Why a changed value is not restated."""
STATUSES = {
    "partial success": "partial_success",
    "not known there": "not_found",
    "too old": "too_old",
    "no answer": "no_answer",
    "may not ask": "permission_denied",
    "counts only": "counts_only",
}
"""What a platform says of a request."""
OUTCOMES = {"not sent": "not_sent"}
"""Of a request."""
DETAILS = {"its run left it unsent": "superseded"} | REASONS
"""Of a restatement."""
EARLIER = ("; an earlier attempt was never answered", ";earlier_unanswered")
"""Added to what a platform says of an order."""
TASK = ("erase what was sent about this person (GDPR art. 19)", "erase")
"""What a recipient is asked for."""
