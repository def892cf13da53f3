"""Days with fewer orders than chance explains in this shop: a file is missing or incomplete."""

from conversions.anomalies.evidence import Evidence
from conversions.ledger.staging import volumes
from conversions.model.finding import Finding

CODES = (volumes.CODE,)


def findings(evidence: Evidence) -> list[Finding]:
    """Return a finding for each gap in the orders of this run."""
    return volumes.findings(evidence.ledger, evidence.window, evidence.today, evidence.settings.closed_days)
