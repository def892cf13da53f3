"""What guards look at: a reading that is resolved and not yet staged, beside what the store holds."""

from dataclasses import dataclass
from datetime import date

from conversions.conversion import Reason, Window
from conversions.ledger import Ledger, bad_rows, shares
from conversions.ledger.bad_rows import BadRows
from conversions.ledger.shares import Judgements, Share
from conversions.reading import Reading
from conversions.settings import Settings
from conversions.sources.advice import advice, why
from conversions.wish import Wish, today


@dataclass(frozen=True, slots=True)
class Evidence:
    """One night, as guards see it."""

    ledger: Ledger
    settings: Settings
    wish: Wish
    window: Window
    reading: Reading
    destinations: dict[int, str]
    """The ledger's numbers and names; a destination that it has not met yet has the number 0."""
    today: date
    """In the shop's zone."""
    bad_rows: BadRows
    judgements: Judgements


def gather(
    ledger: Ledger, settings: Settings, wish: Wish, window: Window, reading: Reading, destinations: dict[int, str]
) -> Evidence:
    """Look at what was read; reads only, and before anything is staged."""
    found = bad_rows.look(ledger)
    judgements = shares.judged(ledger, settings.shop, found.new)
    present = today(settings, ledger.clock())
    return Evidence(ledger, settings, wish, window, reading, destinations, present, found, judgements)


def sentence_of(evidence: Evidence, reason: Reason, field: str | None = None) -> str:
    """Which column it is, what it holds where that may be told, and how to mend it; *field* is our column."""
    unread = evidence.reading.unread
    if unread is None:
        return f"Why: {reason}."
    said = why(unread, reason, field)
    return " ".join([f"{said[:1].upper()}{said[1:]}.", *filter(None, [advice(unread, reason, field)])])


def usually(share: Share) -> str:
    """What this shop is used to."""
    return "nothing is known yet of what is usual here" if share.usual is None else f"usually {share.usual:.0%}"
