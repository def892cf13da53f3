"""Which cells of the shop a preview may print.

A mapping may name a column with personal data by mistake, and a preview is what people use to find out.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

from conversions.intake.sources.unparsed import (
    MAX_DISTINCT_WORDS,
    MAX_WORDS_NAMED,
    MIN_ROWS_PER_WORD,
    may_be_shown,
)
from conversions.model.conversion import PRODUCT_ID, Money
from conversions.model.money import exponent, money
from conversions.model.subject import holds_address

MAX_PRODUCT_CHARACTERS = 40
"""A longer product ID looks like a name."""
WELL_KNOWN_STATUSES = frozenset(
    {
        "completed",
        "processing",
        "pending",
        "on-hold",
        "cancelled",
        "canceled",
        "refunded",
        "partially_refunded",
        "failed",
        "draft",
        "checkout-draft",
        "paid",
        "authorized",
        "partially_paid",
        "voided",
        "expired",
        "complete",
        "closed",
        "holded",
        "new",
        "open",
        "shipped",
        "delivered",
    }
)
"""Words of shop systems: none of them is a person."""

_PHONE_OR_PERSON = re.compile(r"(?:45)?\d{8}|\d{6}-?\d{4}|(?:\+|00\d{8}).*")
_NAME = re.compile(r"[A-Z][a-z]+(?:-[A-Z][a-z]+)*")
_LARGEST_AMOUNT = Decimal(10_000_000)
"""A larger whole amount may be a telephone number, where the currency has decimals."""


class Words:
    """The words in one of our columns, by number of orders, and those that may be printed."""

    def __init__(self, field: str, is_known: Callable[[str], bool]) -> None:
        """*is_known* tells the words that stand for themselves, such as a currency's code."""
        self._field, self._is_known = field, is_known
        self._orders: Counter[str | None] = Counter()

    def add(self, word: str) -> None:
        """Count the *word* of one order; beyond ``MAX_DISTINCT_WORDS`` it is counted as one that is not printed."""
        known = word in self._orders or len(self._orders) <= MAX_DISTINCT_WORDS
        self._orders[word if known else None] += 1

    def printed(self, word: str) -> str | None:
        """Return *word*, or None where it may not be printed."""
        if not word or self._is_known(word):
            return word
        return word if self._is_list_of_words() and self._is_word(word) else None

    def counts(self) -> Iterator[tuple[str | None, int]]:
        """Yield each word with its orders, most first; None stands for all that may not be printed."""
        merged: Counter[str | None] = Counter()
        for word, orders in self._orders.items():
            merged[None if word is None else self.printed(word)] += orders
        yield from merged.most_common()

    def _is_list_of_words(self) -> bool:
        others = sum(1 for word in self._orders if not word or not self._is_known(word))
        return others <= MAX_WORDS_NAMED

    def _is_word(self, word: str) -> bool:
        return self._orders[word] >= MIN_ROWS_PER_WORD and may_be_shown(self._field, word)


def is_currency(code: str) -> bool:
    """Return whether *code* is a currency's code by ISO 4217."""
    return exponent(code) is not None


def printed_product(product_id: str) -> str | None:
    """Return the ID, or None where it may be a telephone number, a personal number or a name."""
    fits = PRODUCT_ID.fullmatch(product_id) is not None and not _PHONE_OR_PERSON.fullmatch(product_id)
    return product_id if fits and not _NAME.fullmatch(product_id) else None


def printed_number(number: str | None) -> str | None:
    """Return the order number, or None where it has no digit, or may be a telephone number or an address."""
    if number is None or not any(map(str.isdigit, number)) or number.startswith("+") or holds_address(number):
        return None
    return number


def printed_amount(amount: Decimal, currency: str) -> Decimal | None:
    """Return the amount with its currency's decimals, or None where it may be a telephone number, as it is so large."""
    whole = amount == amount.to_integral_value()
    if whole and abs(amount) >= _LARGEST_AMOUNT and exponent(currency) != 0:
        return None
    return with_decimals(amount, currency)


def with_decimals(amount: Decimal, currency: str) -> Decimal:
    """Return the amount without zeros beyond the currency's decimals; unchanged where it has other digits there."""
    exact = money(amount, currency)
    return exact.amount if isinstance(exact, Money) else amount


def is_name(product_id: str) -> bool:
    """Return whether a product ID looks like the product's name: it has spaces, or is long."""
    return len(product_id) > MAX_PRODUCT_CHARACTERS or any(map(str.isspace, product_id))
