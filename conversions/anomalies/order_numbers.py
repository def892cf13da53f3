"""Known sales under other order numbers: nothing is sent until a person says what they are."""

from collections.abc import Iterator

from conversions.anomalies.evidence import Evidence
from conversions.ledger.staging.order_numbers import OrderNumberComparison
from conversions.model.finding import Finding, stop

CODES = ("numbers",)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """One, where every sale would be counted again under its new number."""
    found = OrderNumberComparison(evidence.ledger, evidence.settings.shop, evidence.window).drift()
    if found is None:
        return
    known, new = found.example.known, found.example.new
    sentence = (
        f"{found.pairs} orders that are known stand under other numbers now, such as {known!r} as {new!r}: the same "
        "buyer, moment and value. Nothing is sent, since they would count twice. They are the same orders? "
        "`conversions adopt --numbers --reason TEXT`, or put source.columns.order_id right. They are new sales? "
        "`conversions run --accept numbers --reason TEXT`; if they are not, every one of them counts twice."
    )
    yield stop("numbers", sentence, count=found.pairs, accept="numbers")
