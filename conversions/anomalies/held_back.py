"""Orders that are held back for a reason that a mapping can cause: all of the first ones, or unusually many."""

from collections.abc import Iterator

from conversions import catalogue
from conversions.anomalies.evidence import Evidence, sentence_of, usually
from conversions.ledger.staging import reason_shares
from conversions.ledger.staging.reason_shares import NEW_STATUS
from conversions.model.conversion import Reason
from conversions.model.finding import Finding, attention

CODES = ("held_back",)
CAUSED = (
    Reason.NOT_COMPLETED,
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
    Reason.SHAPE,
)
"""What a mapping can cause; that a person objected, or that a platform takes no old orders, it cannot."""


def findings(evidence: Evidence) -> Iterator[Finding]:
    """A finding for each reason that took an unusual share of the orders that were judged last."""
    new = evidence.judgements
    found = {one.reason: one for one in reason_shares.unusual_shares(evidence.ledger, new.new, (NEW_STATUS, *CAUSED))}
    if NEW_STATUS in found:
        found.pop(Reason.NOT_COMPLETED, None)  # the same orders
    for reason, share in found.items():
        named = Reason.NOT_COMPLETED if reason == NEW_STATUS else Reason(reason)
        sentence = (
            f"{share.hits} of the {share.total} newest orders are held back ({catalogue.reason(reason)}); "
            f"{usually(share)}. "
            f"{sentence_of(evidence, named)} If it is as it should be: `conversions decide acknowledge --finding "
            "held_back --reason TEXT`."
        )
        affected = max(share.hits, new.held[reason])
        yield attention("held_back", sentence, count=affected, about=reason, share=share.share)
