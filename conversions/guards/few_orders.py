"""Days with far fewer orders than is usual: a file that never came, or came in half."""

from collections.abc import Iterator, Sequence

from conversions.finding import Finding, attention
from conversions.guards.evidence import Evidence
from conversions.ledger import days
from conversions.ledger.days import ThinDay

CODES = ("few_orders",)
NAMED = 10
"""Days; more are counted."""


def findings(evidence: Evidence) -> Iterator[Finding]:
    """One, where days have far fewer orders than is usual."""
    found = days.thin(evidence.ledger, evidence.window, evidence.today)
    if found:
        sentence = f"Fewer orders than usual ({named(found)}): has a file not come? The others are sent; when the rest "
        yield attention("few_orders", sentence + f"is in place, {in_place(found)}.", count=len(found), every_night=True)


def in_place(found: Sequence[ThinDay]) -> str:
    """The command that reads these days again, however long ago they are."""
    return f"`conversions run --since {found[0].day} --until {found[-1].day}`"


def named(found: Sequence[ThinDay]) -> str:
    """The first of these days, each with what is usual."""
    days = [f"{d.day}: {d.orders} orders, usually {d.usual[0]} to {d.usual[1]}" for d in found[:NAMED]]
    return "; ".join(days) + (f"; and {len(found) - NAMED} days more" if len(found) > NAMED else "")
