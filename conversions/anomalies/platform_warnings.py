"""Warnings of platforms that accepted an event without some part of it, with advice; each kind is reported once."""

from conversions.destinations.warnings import advice, is_expected
from conversions.disclosure.policy import Policy
from conversions.ledger import Ledger
from conversions.ledger.outbox import platform_warnings
from conversions.ledger.outbox.platform_warnings import PlatformWarning
from conversions.ledger.runs import policies
from conversions.model.finding import Finding, attention, note

CODE = "warning"


def findings(ledger: Ledger) -> list[Finding]:
    """Return a finding for each current kind of warning; a kind that the shop's own policy causes is only a note."""
    policy = policies.approved(ledger)
    return [_finding(warning, policy) for warning in platform_warnings.current(ledger)]


def sentence(warning: PlatformWarning, policy: Policy | None) -> str:
    """Return the warning, how often it came, and what to do under the approved *policy*."""
    text = f"{warning.destination} warned of {warning.events} events since {warning.first:%Y-%m-%d} ({warning.kind})"
    return f"{text}: {advice(warning.kind, policy)}."


def _finding(warning: PlatformWarning, policy: Policy | None) -> Finding:
    text = sentence(warning, policy)
    if is_expected(warning.kind, policy):
        return note(CODE, text, count=warning.events, destination=warning.destination, about=warning.kind)
    where = {"destination": warning.destination, "about": warning.kind}
    return attention(CODE, text, count=warning.events, once=True, **where)
