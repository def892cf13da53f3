"""What a platform says that it counted in a month: typed by a person, or read from its export."""

from dataclasses import dataclass
from decimal import Decimal

from conversions.audit.comparison.number import number
from conversions.errors import Usage


@dataclass(frozen=True, slots=True)
class PlatformTotals:
    """The platform's totals for one conversion action or dataset."""

    events: Decimal
    """Google divides a conversion between clicks, so that it may have decimals."""
    value: Decimal | None = None
    """In units of ``currency``."""
    currency: str | None = None
    """None: the platform does not say; taken for the one in which the orders were sent."""
    by_click_date: bool = False
    """Whether a sale counts on the day of the click on the ad, not on the day of the purchase."""
    file_sha256: str | None = None
    """Digest of the export; None: typed."""
    columns: tuple[str, ...] = ()
    """The columns of the export that were added up."""
    without_days: bool = False
    """Whether the export names no days, so that only its maker knows which month it is of."""


def typed(events: str, value: str | None, *, by_click_date: bool) -> PlatformTotals:
    """Return the totals that a person typed. Raises Usage where one is no number, or is negative."""
    return PlatformTotals(
        _typed("--events", events), None if value is None else _typed("--value", value), by_click_date=by_click_date
    )


def _typed(option: str, text: str) -> Decimal:
    read = number(text)
    if read is None or read < 0:
        raise Usage(f"{option} is no number: write it as 1234 or 1234.50, without a currency.")
    return read
