"""What guards look at: a reading that is resolved and not yet staged, beside what the store holds."""

from dataclasses import dataclass
from datetime import date

from conversions.conversion import Window
from conversions.ledger import Ledger
from conversions.reading import Reading
from conversions.settings import Settings
from conversions.wish import Wish


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
