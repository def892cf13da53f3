"""Warnings of platforms that accepted an event without some part of it, with advice; each kind is reported once."""

from conversions.destinations.warnings import BY_DESIGN, advice
from conversions.ledger import Ledger
from conversions.ledger.outbox import platform_warnings
from conversions.ledger.outbox.platform_warnings import PlatformWarning
from conversions.model.finding import Finding, attention, note

CODE = "warning"


def findings(ledger: Ledger) -> list[Finding]:
    """Return a finding for each current kind of warning; a kind that the shop's own policy causes is only a note."""
    return [_finding(warning) for warning in platform_warnings.current(ledger)]


def sentence(warning: PlatformWarning) -> str:
    """Return the warning, how often it came, and what to do."""
    text = f"{warning.destination} warned of {warning.events} events since {warning.first:%Y-%m-%d} ({warning.kind})"
    return f"{text}: {advice(warning.kind)}."


def _finding(warning: PlatformWarning) -> Finding:
    if warning.kind in BY_DESIGN:
        return note(CODE, sentence(warning), count=warning.events, destination=warning.destination, about=warning.kind)
    where = {"destination": warning.destination, "about": warning.kind}
    return attention(CODE, sentence(warning), count=warning.events, once=True, **where)
