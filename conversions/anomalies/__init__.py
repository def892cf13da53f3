"""What looks wrong about a night, before anything of it is sent: each guard is one question, asked of what was read.

No guard has a floor that a small shop never reaches, and none calls a person twice for one thing (``ledger.told``).
A run asks them before it stages, a plan asks the same; docs/findings.md lists what they answer.
"""

from collections.abc import Iterator

from conversions.anomalies import held_back, low_volume, order_numbers, rows, values, windows
from conversions.anomalies.evidence import Evidence
from conversions.ledger.runs import findings as told
from conversions.model.finding import Finding

ACCEPTABLE = {"large": "N", "numbers": "", "values": "", "level": "CURRENCY"}
"""By code what ``run --accept`` takes for it."""
CHECKS = (windows, rows, held_back, order_numbers, values, low_volume)
"""In the order in which a person reads them."""


def findings(evidence: Evidence) -> list[Finding]:
    """Everything that the guards see; silent where a person knows it already. Reads only."""
    return told.mark_known(evidence.ledger, _all(evidence))


def codes() -> frozenset[str]:
    """Of what these guards can find: what one of them finds no more is over."""
    return frozenset(code for guard in CHECKS for code in guard.CODES)


def _all(evidence: Evidence) -> Iterator[Finding]:
    for guard in CHECKS:
        yield from guard.findings(evidence)
