"""Anomaly checks: what looks wrong in the orders that were read, before the run sends anything.

Each module of ``CHECKS`` is one check before staging. ``amounts``, ``volume_limit``, ``host_change``,
``match_rate`` and ``platform_warnings`` need the results of later steps, so the run calls them there. No check has a
minimum that a small shop never reaches, and none reports one problem twice (``ledger.runs.findings``).
docs/findings.md lists the findings.
"""

from collections.abc import Iterator

from conversions.anomalies import held_back, low_volume, order_numbers, refused_files, rows, values, windows
from conversions.anomalies.evidence import Evidence
from conversions.ledger.runs.findings import mark_known
from conversions.model.finding import Finding

ACCEPTABLE = {"large": "N", "numbers": "", "values": "", "level": "CURRENCY"}
"""The value that ``run --accept`` takes, by finding code."""
CHECKS = (windows, refused_files, rows, held_back, order_numbers, values, low_volume)
"""In the order in which the operator reads them."""


def findings(evidence: Evidence) -> list[Finding]:
    """Return the findings of all checks, without an exit code where a person already knows them; this reads only."""
    return mark_known(evidence.ledger, _all(evidence))


def codes() -> frozenset[str]:
    """Return the codes of these checks: a finding with one of them is over when its check no longer reports it."""
    return frozenset(code for check in CHECKS for code in check.CODES)


def _all(evidence: Evidence) -> Iterator[Finding]:
    for check in CHECKS:
        yield from check.findings(evidence)
