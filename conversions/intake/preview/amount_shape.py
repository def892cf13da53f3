"""Whether amounts look like minor units, such as 12900 for 129.00."""

from dataclasses import dataclass
from decimal import Decimal

from conversions.intake.preview.printed_cells import printed_amount, with_decimals
from conversions.model.money import exponent

MIN_ORDERS = 3
HUNDREDS_FROM = Decimal(1_000)
"""Where every amount is a multiple of 100 and not below this, none has an amount such as 49.00."""
LARGE = Decimal(10_000)


@dataclass(slots=True)
class AmountShape:
    """The amounts of one currency."""

    orders: int = 0
    total: Decimal = Decimal()
    positive: int = 0
    whole: int = 0
    hundreds: int = 0
    large: int = 0

    def add(self, amount: Decimal) -> None:
        """Count one amount in currency units."""
        self.orders += 1
        self.total += amount
        if amount <= 0:
            return
        self.positive += 1
        self.whole += amount == amount.to_integral_value()
        self.hundreds += amount % 100 == 0 and amount >= HUNDREDS_FROM
        self.large += amount >= LARGE

    def printed_total(self, currency: str) -> Decimal | None:
        """Return the sum of all amounts, or None where it is that of one order, and may not be printed."""
        return (printed_amount if self.orders == 1 else with_decimals)(self.total, currency)

    def may_be_minor_units(self, currency: str) -> bool:
        """Return whether every amount is a multiple of 100, or all are whole and at least half of them large."""
        if self.positive < MIN_ORDERS or not exponent(currency):
            return False
        return self.hundreds == self.positive or (self.whole == self.positive and 2 * self.large >= self.positive)
