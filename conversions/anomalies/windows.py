"""The days of the run: days in the future, days without any order in the source, and a source that has ended."""

from collections.abc import Iterator
from datetime import date, timedelta

from conversions.anomalies.evidence import Evidence
from conversions.ledger.staging import volumes
from conversions.model.finding import Finding, attention, note
from conversions.statistics.binomial import RARE
from conversions.statistics.negative_binomial import tail

CODES = ("window_cut", "no_orders")
MIN_ORDERS = 8
"""Orders of other days from which the usual volume is known."""
DISPERSION = 0.05
"""The dispersion that days have without a known history."""


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield what is wrong with the days of the run."""
    window, counts = evidence.window, evidence.counts
    until = evidence.request.until
    if until is not None and until > window.until:
        cut = (until - window.until).days
        yield note("window_cut", f"The days after {window.until} have not ended yet and are left out.", count=cut)
    if counts.orders or counts.quarantined or counts.skipped_files:
        return
    if evidence.request.named:
        if window.since < evidence.today:  # today may still bring some
            yield _no_orders(evidence)
    elif counts.span and not volumes.any_orders(evidence.ledger):
        yield from _outdated(evidence, *counts.span)


def _no_orders(evidence: Evidence) -> Finding:
    window, span = evidence.window, evidence.counts.span
    other_days = f"; its orders are of {span[0]} to {span[1]}" if span else ""
    return attention(
        "no_orders",
        f"The source has no order of {window.since} to {window.until}{other_days}. Are the days, "
        "source.path and source.query right? `conversions doctor` shows what it reads.",
        count=0,
        every_run=True,
    )


def _outdated(evidence: Evidence, first: date, last: date) -> Iterator[Finding]:
    """Yield a finding where a source that no run has read before seems to have ended."""
    window, orders = evidence.window, evidence.counts.outside_window
    days_after = [last + timedelta(n + 1) for n in range((window.until - last).days)]
    usual = orders / ((last - first).days + 1) * len(set(days_after) - evidence.settings.closed_days)
    if orders >= MIN_ORDERS and tail(0, usual, DISPERSION) < RARE:
        yield attention(
            "no_orders",
            f"The source has {orders} orders of {first} to {last}, and none of {window.since} to {window.until}: is "
            "it an old export? Correct source.path or source.query. To send the orders of those days: "
            f"`conversions run --since {first}`.",
            count=orders,
        )
