"""Days with far fewer orders than chance explains in this shop: a file that never came, or came in half."""

from conversions.anomalies.evidence import Evidence
from conversions.ledger.staging import volumes
from conversions.model.finding import Finding

CODES = (volumes.CODE,)


def findings(evidence: Evidence) -> list[Finding]:
    """One for each gap that this reading shows."""
    return volumes.findings(evidence.ledger, evidence.window, evidence.today, evidence.settings.closed_days)
