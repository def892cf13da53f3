"""Days with far fewer orders than chance explains in this shop: a file that never came, or came in half."""

from conversions.finding import Finding
from conversions.guards.evidence import Evidence
from conversions.ledger import days

CODES = (days.CODE,)


def findings(evidence: Evidence) -> list[Finding]:
    """One for each gap that this reading shows."""
    return days.findings(evidence.ledger, evidence.window, evidence.today, evidence.settings.closed_days)
