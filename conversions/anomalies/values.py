"""Values of sent orders that mean something else now: what is measured would mean something else from tonight on."""

from collections.abc import Iterator

from conversions.anomalies.evidence import Evidence
from conversions.ledger.staging.drift import ValueComparison
from conversions.model.finding import Finding, stop

CODES = ("values",)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """One for each destination that holds other values of most orders that are read again."""
    for one in ValueComparison(evidence.ledger, evidence.settings.shop, evidence.window).drift():
        name = evidence.destinations[one.destination]
        sentence = (
            f"{one.differing} of {one.orders} orders that were sent to {name} have another value now, by a median "
            f"factor of {one.factor:.2f}: has the mapping changed? Nothing is sent. Put source.columns.amount and "
            "source.completed right; or, if the new values are meant, `conversions run --accept values --reason TEXT`."
        )
        yield stop("values", sentence, count=one.differing, accept="values", destination=name)
