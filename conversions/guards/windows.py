"""Days that a person named: still to come, or without a single order in the source."""

from collections.abc import Iterator

from conversions.finding import Finding, attention, note
from conversions.guards.evidence import Evidence

CODES = ("window_cut", "no_orders")


def findings(evidence: Evidence) -> Iterator[Finding]:
    """What is wrong with the days, if anything."""
    window, reading = evidence.window, evidence.reading
    asked = evidence.wish.until
    if asked is not None and asked > window.until:
        cut = (asked - window.until).days
        yield note("window_cut", f"The days after {window.until} have not ended yet and are left out.", count=cut)
    if evidence.wish.named and not reading.orders and not reading.quarantined and not reading.left_for_later:
        yield attention(
            "no_orders",
            f"The source has no order of {window.since} to {window.until}{_span(evidence)}. Are the days meant, and is "
            "source.path or source.query right? `conversions doctor` shows what it reads.",
            count=0,
            every_night=True,
        )


def _span(evidence: Evidence) -> str:
    """What the source has instead, where it can tell."""
    span = evidence.reading.span
    return f"; its orders are of {span[0]} to {span[1]}" if span else ""
