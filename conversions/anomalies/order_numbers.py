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
        f"{drift.pairs} orders that are known stand under other numbers now, such as {known!r} as {new!r}: the same "
        "buyer, time and value. Nothing is sent, because they would count twice. They are the same orders? "
        "`conversions adopt --numbers --reason TEXT`, or correct source.columns.order_id. They are new sales? "
        "`conversions run --accept numbers --reason TEXT`; if they are not new, every one of them counts twice."
    )
    yield stop("numbers", sentence, count=drift.pairs, accept="numbers")
