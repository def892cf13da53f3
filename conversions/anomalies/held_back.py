"""Orders that are withheld for a reason that a wrong mapping can cause: all of the first ones, or unusually many."""

from collections.abc import Iterator

from conversions import catalogue
from conversions.anomalies.evidence import Evidence, explain_reason, usual_share
from conversions.ledger.staging import reason_shares
from conversions.ledger.staging.reason_shares import NEW_STATUS
from conversions.model.conversion import Reason
from conversions.model.finding import Finding, attention

CODES = ("held_back",)
MAPPING_REASONS = (
    Reason.NOT_COMPLETED,
    Reason.NOT_PAID,
    Reason.NO_LINES,
    Reason.TEST_ORDER,
    Reason.RENEWAL_UNDECIDED,
    Reason.NO_EMAIL,
    Reason.UNUSABLE_EMAIL,
    Reason.ALREADY_A_DIGEST,
    Reason.AMOUNT_NOT_ABOVE_ZERO,
    Reason.NO_CONSENT,
    Reason.DENIED,
    Reason.IN_THE_FUTURE,
    Reason.UNKNOWN_CURRENCY,
    Reason.TOO_MANY_DECIMALS,
    Reason.AMOUNT_TOO_LARGE,
    Reason.NO_PRODUCT,
    Reason.BAD_PRODUCT_ID,
    Reason.BAD_QUANTITY,
    Reason.BAD_UNIT_PRICE,
    Reason.CART_COUNT,
    Reason.SHAPE,
)
"""Reasons that a wrong mapping can cause; it cannot cause an objection or an order that is too old."""


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding for each reason with an unusual share of the newest orders."""
    judgements = evidence.judgements
    unusual = reason_shares.unusual_shares(evidence.ledger, judgements.new, (NEW_STATUS, *MAPPING_REASONS))
    shares = {share.reason: share for share in unusual}
    if NEW_STATUS in shares:
        shares.pop(Reason.NOT_COMPLETED, None)  # the same orders
    for reason, share in shares.items():
        explained = Reason.NOT_COMPLETED if reason == NEW_STATUS else Reason(reason)
        sentence = (
            f"{share.hits} of the {share.total} newest orders are held back ({catalogue.reason(reason)}); "
            f"{usual_share(share)}. "
            f"{explain_reason(evidence, explained)} If this is correct: `conversions decide acknowledge --finding "
            "held_back --reason TEXT`."
        )
        affected = max(share.hits, judgements.all_orders[reason])
        yield attention("held_back", sentence, count=affected, about=reason, share=share.share)
