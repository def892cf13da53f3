"""Days that a person named: still to come, or without a single order in the source; and a source that has stopped."""

from collections.abc import Iterator
from datetime import date, timedelta

from conversions.anomalies.evidence import Evidence
from conversions.ledger.staging import volumes
from conversions.model.finding import Finding, attention, note
from conversions.statistics.binomial import RARE
from conversions.statistics.negative_binomial import tail

CODES = ("window_cut", "no_orders")
ENOUGH = 8
"""Orders of other days say how many are usual; their days are not, and vary by:"""
VARIES = 0.05


def findings(evidence: Evidence) -> Iterator[Finding]:
    """What is wrong with the days, if anything."""
    window, reading = evidence.window, evidence.reading
    asked = evidence.request.until
    if asked is not None and asked > window.until:
        cut = (asked - window.until).days
        yield note("window_cut", f"The days after {window.until} have not ended yet and are left out.", count=cut)
    if reading.orders or reading.quarantined or reading.skipped_files:
        return
    if evidence.request.named:
        if window.since < evidence.today:  # today may still bring some
            yield _none_there(evidence)
    elif reading.span and not volumes.any_orders(evidence.ledger):
        yield from _outdated(evidence, *reading.span)


def _none_there(evidence: Evidence) -> Finding:
    window, span = evidence.window, evidence.reading.span
    instead = f"; its orders are of {span[0]} to {span[1]}" if span else ""
    return attention(
        "no_orders",
        f"The source has no order of {window.since} to {window.until}{instead}. Are the days meant, and is "
        "source.path or source.query right? `conversions doctor` shows what it reads.",
        count=0,
        every_run=True,
    )


def _outdated(evidence: Evidence, first: date, last: date) -> Iterator[Finding]:
    """Until a run has read an order, the source itself says how many are usual, and whether it has ended."""
    window, orders = evidence.window, evidence.reading.outside_window
    quiet = [last + timedelta(n + 1) for n in range((window.until - last).days)]
    usual = orders / ((last - first).days + 1) * len(set(quiet) - evidence.settings.closed_days)
    if orders >= ENOUGH and tail(0, usual, VARIES) < RARE:
        yield attention(
            "no_orders",
            f"The source has {orders} orders of {first} to {last}, and none of {window.since} to {window.until}: is "
            "it an old export? Put source.path or source.query right. If the orders of those days are to be sent: "
            f"`conversions run --since {first}`.",
            count=orders,
        )
