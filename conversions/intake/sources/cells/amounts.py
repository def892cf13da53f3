"""Parses amounts in all the ways that exports write them. It never guesses, and it drops no digit that counts.

Without ``decimal_mark`` and ``thousands_mark`` a cell is read only where it has one meaning: ``1.234,50`` and
``129,00`` have, ``1,234`` has two.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache, lru_cache
from typing import NamedTuple

from conversions.intake.sources.cells.cells import PLAIN_AMOUNT, SPACES, CellError
from conversions.model.conversion import Reason, unit
from conversions.model.money import AMOUNT_LIMIT, exponent
from conversions.settings.source_format import Format

MAX_DECIMALS = 6
_MARKS = SPACES | str.maketrans(dict.fromkeys("’ʼ", "'") | dict.fromkeys("\u2212\u2013", "-"))  # noqa: RUF001
_UNIT = r"[^\s0-9.,'()+\-]{1,10}\.?"
_WRITTEN = re.compile(
    rf"'?(?P<open>\()? *(?P<sign>[+-]?) *(?P<before>{_UNIT})? *(?P<inner>[+-]?) *(?P<number>[0-9]+(?:[., '][0-9]+)*)"
    rf"(?:[.,]-)?(?: *(?P<behind>-))? *(?P<after>{_UNIT})? *(?(open)\))"
)
"""``'-100.00`` (WooCommerce guards against formulas), ``(129.00)``, ``129.00-``, ``kr. 129,-``, ``-€12``, ``12 EUR``"""
_TINY_FLOAT = re.compile(r"-?[0-9](?:\.[0-9]+)?e-[0-9]{2}")
_DECIMALS = {mark: re.compile(rf"[0-9]{re.escape(mark)}(?:[0-9]{{1,2}}|[0-9]{{4,}})[^0-9]*$") for mark in ",."}
"""One or two digits, or more than three, behind the last mark: they are no group of thousands."""
_MAX_CHARACTERS = 60
_LOCALES = ("en", "da", "sv", "nb", "is", "de_CH", "pl", "cs", "hu", "ro", "bg", "tr", "en_CA", "en_AU", "en_NZ")
"""Their signs are known: the Nordic countries', and those of currencies that other shops of Europe take."""


class Marks(NamedTuple):
    """The marks that may stand before decimals and between groups of three digits."""

    decimal: str
    thousands: str
    three_decimals: bool = False
    """Whether three digits behind the only mark are decimals."""


class WrittenAmount(NamedTuple):
    """A number, and the currency signs or codes beside it."""

    value: Decimal
    units: tuple[str, ...]


_TYPED = Marks(".", "")
"""The marks of a typed number: its text has a point, also where the settings give texts another mark."""


class Amounts:
    """Parses amounts by ``[source.format]``; *aliases* are the shop's words for currencies, in lower case."""

    def __init__(self, settings: Format, aliases: Mapping[str, str], *, mixed: bool = False) -> None:
        """With *mixed* a cell of the same file contradicts the settings: only what has one meaning is read."""
        if mixed:
            settings = settings.model_copy(update={"decimal_mark": None, "thousands_mark": None, "decimals": None})
        self._aliases = aliases
        self._minor_units = settings.minor_units
        self._sums = settings.items_amount == "sum"
        self._refuses = mixed and self._sums
        """Whether no amount is read: a sum was made of cells that were read by the settings."""
        self._marks = _marks(settings)
        self._takes_plain = "." in self._marks.decimal and settings.thousands_mark != "." and not self._refuses
        declared = settings.decimals or settings.decimal_mark or settings.thousands_mark or settings.minor_units
        self.may_be_thousands = not declared
        """Whether a point before three digits may separate thousands."""

    def __call__(self, cell: str, field: str, currency: str) -> Decimal:
        """Return the amount in currency units; *currency* is the order's. Raises CellError."""
        text = cell.strip()
        if self._takes_plain and PLAIN_AMOUNT.fullmatch(text):
            return Decimal(text)
        value = self._value(text, currency, self._marks if type(cell) is str else _TYPED)
        if isinstance(value, Reason):
            raise CellError(value, field)
        return value

    def contradicts(self, cell: str) -> bool:
        """Return whether *cell* has decimals, behind a mark before which there are none by the settings."""
        if self._minor_units:  # in an amount of its own, decimals are an error of that cell alone
            return self._sums and any(decimals.search(cell) for decimals in _DECIMALS.values())
        other = {",": ".", ".": ","}.get(self._marks.decimal)
        return other is not None and type(cell) is str and _DECIMALS[other].search(cell) is not None

    def _value(self, text: str, currency: str, marks: Marks) -> Decimal | Reason:
        written = _parse(str(text), marks)
        if isinstance(written, Reason):
            return written
        if contradiction := self._contradiction(written.units, currency):
            return contradiction
        value = written.value
        if self._refuses:
            return Reason.BAD_AMOUNT
        if self._minor_units:
            return value.scaleb(-(exponent(currency) or 0)) if value == int(value) else Reason.BAD_AMOUNT
        return _without_float_noise(value, currency)

    def _contradiction(self, units: tuple[str, ...], currency: str) -> Reason | None:
        """Return why the signs or codes beside the number are not those of *currency*, if it is known."""
        if exponent(currency) is None or all(currency in self._currencies(each) for each in units):
            return None
        return Reason.OTHER_CURRENCY if all(map(self._currencies, units)) else Reason.BAD_AMOUNT

    def _currencies(self, sign: str) -> frozenset[str]:
        """Return the currencies that *sign* may stand for."""
        code, word = sign.upper(), sign.casefold()
        if exponent(code) is not None:
            return frozenset({code})
        alias = self._aliases.get(word)
        return frozenset({alias}) if alias else _signs().get(word.rstrip("."), frozenset())


def _marks(settings: Format) -> Marks:
    decimal, thousands = settings.decimal_mark, settings.thousands_mark
    if settings.minor_units:
        return Marks("", thousands or "")
    return Marks(
        decimal or ".,".replace(thousands or " ", ""),
        thousands or "., '".replace(decimal or "\0", ""),
        settings.decimals is not None,
    )


@lru_cache(maxsize=10_000)
def _parse(text: str, marks: Marks) -> WrittenAmount | Reason:
    if _TINY_FLOAT.fullmatch(text) and "." in marks.decimal:
        return WrittenAmount(Decimal(text), ())
    match = _WRITTEN.fullmatch(text.translate(_MARKS)) if len(text) <= _MAX_CHARACTERS else None
    signs = "".join(filter(None, match.group("open", "sign", "inner", "behind"))) if match else ""
    if match is None or len(signs) > 1:
        return Reason.BAD_AMOUNT
    readings = list(_readings(match["number"], marks))
    if len(readings) > 1 and not marks.three_decimals:
        return Reason.AMBIGUOUS_AMOUNT
    if not readings or readings[-1] >= AMOUNT_LIMIT:
        return Reason.BAD_AMOUNT
    value = -readings[-1] if signs in {"-", "("} else readings[-1]
    return WrittenAmount(value, tuple(filter(None, match.group("before", "after"))))


def _readings(number: str, marks: Marks) -> Iterator[Decimal]:
    """Yield the values that *number* may have; the one with decimals is last."""
    used = set(re.sub("[0-9]", "", number))
    for decimal in ("", *(mark for mark in marks.decimal if mark in used)):
        groups = used - {decimal}
        if len(groups) <= 1 and groups <= set(marks.thousands):
            yield from _reading(number, decimal, "".join(groups))


def _reading(number: str, decimal: str, group: str) -> Iterator[Decimal]:
    """Yield the value, if the digits stand in groups of three where they are separated."""
    from babel.numbers import NumberFormatError, parse_decimal

    if not group:
        if number.count(decimal or ".") <= 1:
            yield Decimal(number.replace(decimal, ".") if decimal else number)
        return
    whole, _, fraction = number.partition(decimal) if decimal else (number, "", "")
    if whole[-4:-3] != group:
        return  # most decimal commas, without asking Babel
    try:
        yield parse_decimal(f"{whole.replace(group, ',')}.{fraction or 0}", locale="en", strict=True)
    except NumberFormatError:
        return


def _without_float_noise(value: Decimal, currency: str) -> Decimal | Reason:
    """Return 0.3 for 0.30000000000000004: binary floats keep 15 digits, and sums lose some of them.

    Any other amount with so many decimals is unreadable.
    """
    if -int(value.normalize().as_tuple().exponent) <= MAX_DECIMALS:
        return value
    decimals = exponent(currency)
    rounded = value.quantize(unit(decimals or 0))
    noise = min(Decimal("1e-12") * max(Decimal(1), abs(value)), Decimal("1e-6"))
    return rounded if decimals is not None and abs(value - rounded) <= noise else Reason.BAD_AMOUNT


@cache
def _signs() -> Mapping[str, frozenset[str]]:
    """Return the currencies of each sign: ``kr`` may be Danish, Icelandic, Norwegian or Swedish (CLDR)."""
    from babel import Locale

    found: dict[str, set[str]] = {}
    for locale in map(Locale.parse, _LOCALES):
        for code, sign in locale.currency_symbols.items():
            found.setdefault(sign.casefold().rstrip("."), set()).add(code)
    return {sign: frozenset(codes) for sign, codes in found.items()}
