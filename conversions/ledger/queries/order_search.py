"""Find an order by the number that a person types: with or without ``#``, zeros, ``.0``, spaces, in any case.

Spellings are looked up by the index on shop and number. Only for what is not found, one pass over the numbers ignores
upper and lower case.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, TextClause, text

from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.sql import deliveries_of
from conversions.ledger.store import instant

MAX_DIGITS = 12
"""Numbers with leading zeros are found up to this width."""
MAX_NEAR = 5
NUMERIC_REACH = 3
"""Numbers so far above and below are near."""
_BY_NUMBER = text_with_lists(
    "SELECT a.order_no, a.id FROM sale a WHERE a.shop = :shop AND a.order_no IN :numbers", "numbers"
)
_BY_SHOWN = text_with_lists(
    """
    SELECT a.shown_no AS order_no, max(a.id) AS id FROM sale a
    WHERE a.shop = :shop AND a.shown_no IN :numbers GROUP BY a.shown_no HAVING count(*) = 1
    """,
    "numbers",
)
"""By the number that people see, where it names one order."""
_BY_LETTERS = text_with_lists(
    "SELECT a.order_no, a.id FROM sale a WHERE a.shop = :shop AND lower(a.order_no) IN :numbers", "numbers"
)
_BY_FORMER = text_with_lists(
    "SELECT f.order_no, f.sale, f.since_us FROM former_number f WHERE f.shop = :shop AND f.order_no IN :numbers",
    "numbers",
)
_BESIDE = text("""
    SELECT order_no, id FROM (
        SELECT order_no, id FROM sale WHERE shop = :shop AND order_no < :number ORDER BY order_no DESC LIMIT 5
    ) below UNION ALL SELECT order_no, id FROM (
        SELECT order_no, id FROM sale WHERE shop = :shop AND order_no > :number ORDER BY order_no LIMIT 5
    ) above
""")
_ERASED_AMONG = text_with_lists(
    f"""
    SELECT DISTINCT a.id FROM sale a JOIN delivery d ON d.id {deliveries_of("a.id")}
    WHERE a.id IN :sales AND d.state = 'erased'
    """,
    "sales",
)


@dataclass(frozen=True, slots=True)
class Match:
    """What the store has under one number that was typed."""

    asked: str
    sale: int | None = None
    former_until: datetime | None = None
    """When an operator gave the order another number than *asked*; aware, UTC."""
    several: tuple[str, ...] = ()
    """The numbers that fit, where none of them is exactly *asked*."""


def find(connection: Connection, shop: str, asked: Sequence[str]) -> list[Match]:
    """Return one match for each number of *asked*, in their order."""
    by_spelling = _look_up(connection, _BY_NUMBER, shop, {s for number in asked for s in spellings(number)})
    unknown = {s for number in asked for s in spellings(number)} - by_spelling.keys()
    by_spelling |= _look_up(connection, _BY_SHOWN, shop, unknown)
    missing = [number for number in asked if not any(s in by_spelling for s in spellings(number))]
    letters = _look_up(connection, _BY_LETTERS, shop, {s.lower() for number in missing for s in spellings(number)})
    by_letters: dict[str, dict[str, int]] = defaultdict(dict)
    for number, sale in letters.items():
        by_letters[number.lower()][number] = sale
    return [_match(connection, shop, number, by_spelling, by_letters) for number in asked]


def spellings(asked: str) -> set[str]:
    """Return the ways in which a store may have the number that was *asked* for."""
    typed = "".join(unicodedata.normalize("NFKC", asked).split())
    plain = re.sub(r"[.,]0+$", "", typed.lstrip("#"))
    parts = re.fullmatch(r"(\D*?)0*(\d+)(\D.*)?", plain)
    bases = {asked.strip(), typed, plain}
    if parts:
        start, digits, end = parts[1], parts[2], parts[3] or ""
        bases |= {f"{start}{digits.zfill(width)}{end}" for width in range(len(digits), MAX_DIGITS + 1)}
    marked = {f"{mark}{base}{tail}" for base in bases if base for mark in ("", "#") for tail in ("", ".0")}
    return marked | {s.upper() for s in marked} | {s.lower() for s in marked}


def near(connection: Connection, shop: str, asked: str) -> list[str]:
    """Return a few known numbers like *asked*, the nearest first; no number of an erased order."""
    plain = re.sub(r"[.,]0+$", "", "".join(asked.split()).lstrip("#"))
    known = _look_up(connection, _BY_NUMBER, shop, {m + s for s in _slips(plain) for m in ("", "#")})
    if len(known) < MAX_NEAR:
        known |= {row.order_no: row.id for row in connection.execute(_BESIDE, {"shop": shop, "number": plain})}
    gone = erased(connection, known.values())
    living = [number for number, sale in known.items() if sale not in gone]
    return sorted(living, key=lambda number: (_distance(number, plain), number))[:MAX_NEAR]


def erased(connection: Connection, sales: Iterable[int]) -> set[int]:
    """Return which of *sales* are erased."""
    pages = pages_of(sales)
    return {sale for page in pages for sale in connection.execute(_ERASED_AMONG, {"sales": page}).scalars()}


def _slips(number: str) -> Iterator[str]:
    """The numbers next to *number*, and those that differ by one slip: a digit too many, too few, wrong or swapped."""
    if parts := re.fullmatch(r"(\D*)(\d{1,18})", number):
        for step in range(-NUMERIC_REACH, NUMERIC_REACH + 1):
            yield f"{parts[1]}{max(int(parts[2]) + step, 0):0{len(parts[2])}d}"
    for at in range(min(len(number), MAX_DIGITS * 2) + 1):
        before, after = number[:at], number[at:]
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        for digit in "0123456789":
            yield before + digit + after
            yield before + digit + after[1:]


def _distance(number: str, asked: str) -> int:
    """How far apart two numbers are: by value where both have digits, which come first."""
    values = [re.sub(r"\D", "", n) for n in (number, asked)]
    return abs(int(values[0]) - int(values[1])) if all(values) else 10**18


def _match(
    connection: Connection, shop: str, asked: str, known: Mapping[str, int], by_letters: Mapping[str, Mapping[str, int]]
) -> Match:
    wanted = spellings(asked)
    matches = {number: known[number] for number in wanted if number in known}
    for number in () if matches else wanted:
        matches |= by_letters.get(number.lower(), {})
    if asked.strip() in matches:
        return Match(asked, matches[asked.strip()])
    if len(set(matches.values())) > 1:
        gone = erased(connection, matches.values())
        living = {number: sale for number, sale in matches.items() if sale not in gone}
        matches = living or dict(list(matches.items())[:1])
    if len(matches) > 1:
        return Match(asked, several=tuple(sorted(matches)))
    if matches:
        return Match(asked, next(iter(matches.values())))
    former = connection.execute(_BY_FORMER, {"shop": shop, "numbers": sorted(wanted)}).first()
    return Match(asked, former.sale, instant(former.since_us)) if former else Match(asked)


def _look_up(connection: Connection, query: TextClause, shop: str, numbers: Iterable[str]) -> dict[str, int]:
    """The key of each of *numbers* that the store has."""
    pages = pages_of(sorted(numbers))
    rows = (row for page in pages for row in connection.execute(query, {"shop": shop, "numbers": page}))
    return {row.order_no: row.id for row in rows}
