"""Orders that are held back for a reason that a mapping can cause: all of the first ones, or unusually many."""

from collections.abc import Iterator

from conversions.conversion import Reason
from conversions.finding import Finding, attention
from conversions.guards.evidence import Evidence
from conversions.guards.rows import usually
from conversions.ledger import bad_rows, shares

CODES = ("held_back",)

CAUSES = {
    Reason.NOT_COMPLETED: "source.completed lists the statuses of a finished sale",
    Reason.NO_EMAIL: "source.columns.email names the column",
    Reason.UNUSABLE_EMAIL: "source.columns.email is to name a column of plain addresses",
    Reason.ALREADY_A_DIGEST: "source.columns.email is to name a column of plain addresses",
    Reason.AMOUNT_NOT_ABOVE_ZERO: "source.columns.amount names the column",
    Reason.NO_CONSENT: "source.consent_granted lists the words for yes",
    Reason.DENIED: "source.consent_denied lists the words for no",
    Reason.IN_THE_FUTURE: "source.columns.purchased_at names the column",
    Reason.UNKNOWN_CURRENCY: "source.columns.currency names the column, [source.currency_aliases] what its words mean",
    Reason.TOO_MANY_DECIMALS: "source.columns.amount names the column",
    Reason.AMOUNT_TOO_LARGE: "source.columns.amount names the column",
    Reason.NO_PRODUCT: "source.columns.product_ids names the column",
    Reason.BAD_PRODUCT_ID: "source.columns.product_ids and source.product_separator say how products are written",
    Reason.SHAPE: "the disclosure policy says what may leave, and in which shape",
}
"""What in the settings decides it."""


def findings(evidence: Evidence) -> Iterator[Finding]:
    """A finding for each reason that took an unusual share of the orders that were judged last."""
    tonight = shares.judged(evidence.ledger, evidence.settings.shop, bad_rows.new(evidence.ledger))
    for share in shares.unusual(evidence.ledger, tonight.new, CAUSES):
        values = evidence.reading.values(share.reason)
        sentence = (
            f"{share.hits} of the {share.of} newest orders are held back: {share.reason}{values}; {usually(share)}. "
            f"{CAUSES[Reason(share.reason)]}: is it right? If it is, `conversions decide acknowledge --finding "
            "held_back --reason TEXT`."
        )
        affected = max(share.hits, tonight.held[share.reason])
        yield attention("held_back", sentence, count=affected, about=share.reason, share=share.share)
