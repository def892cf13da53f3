"""Known sales with other order numbers: the run sends nothing until a person decides what they are."""

from collections.abc import Iterator

from conversions.anomalies.evidence import Evidence
from conversions.ledger.staging.order_numbers import OrderNumberComparison
from conversions.model.finding import Finding, stop

CODES = ("numbers",)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding where every sale would count again under its new number."""
    drift = OrderNumberComparison(evidence.ledger, evidence.settings.shop, evidence.window).drift()
    if drift is None:
        return
    known, new = drift.example.known, drift.example.new
    sentence = (
        f"{drift.pairs} known orders have other numbers now, for example {known!r} as {new!r}: the same "
        "buyer, time and value. Nothing is sent, because they would count twice. If they are the same orders, run "
        "`conversions adopt --numbers --reason TEXT`, or correct source.columns.order_id. If they are new sales, run "
        "`conversions run --accept numbers --reason TEXT`; if they are not new, every one of them counts twice."
    )
    yield stop("numbers", sentence, count=drift.pairs, accept="numbers")
