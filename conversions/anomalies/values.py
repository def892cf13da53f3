"""Changed values of orders that were sent: a changed mapping would give all new values another meaning."""

from collections.abc import Iterator

from conversions.anomalies.evidence import Evidence
from conversions.catalogue import APPROVE
from conversions.ledger.staging.drift import ValueComparison
from conversions.model.finding import Finding, stop

CODES = ("values",)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding for each destination where most of the orders that were read again have another value."""
    for drift in ValueComparison(evidence.ledger, evidence.window).drift():
        name = evidence.destinations[drift.destination]
        sentence = (
            f"{drift.differing} of {drift.orders} orders that were sent to {name} have another value now, by a median "
            f"factor of {drift.factor:.2f}: has the mapping changed? Nothing is sent. Correct source.columns.amount "
            f"and source.completed (then {APPROVE}); or, if the new values are right, "
            "`conversions run --accept values --reason TEXT`."
        )
        yield stop("values", sentence, count=drift.differing, accept="values", destination=name)
