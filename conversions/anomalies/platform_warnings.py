"""What platforms took without some part of it: told once for each kind, with what to do."""

from conversions.destinations.warnings import BY_DESIGN, advice
from conversions.ledger import Ledger
from conversions.ledger.outbox import platform_warnings
from conversions.ledger.outbox.platform_warnings import PlatformWarning
from conversions.model.finding import Finding, attention, note

CODE = "warning"


def findings(ledger: Ledger) -> list[Finding]:
    """One for each kind that is not over; what follows from the shop's own promises calls nobody."""
    return [_finding(one) for one in platform_warnings.current(ledger)]


def sentence(one: PlatformWarning) -> str:
    """What it is about, how often, and what to do."""
    met = f"{one.destination} warned of {one.events} events since {one.first:%Y-%m-%d} ({one.kind})"
    return f"{met}: {advice(one.kind)}."


def _finding(one: PlatformWarning) -> Finding:
    if one.kind in BY_DESIGN:
        return note(CODE, sentence(one), count=one.events, destination=one.destination, about=one.kind)
    where = {"destination": one.destination, "about": one.kind}
    return attention(CODE, sentence(one), count=one.events, once=True, **where)
