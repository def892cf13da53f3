"""The rows of ``conversions source preview``: a line of a table for each, and below it what does not fit one."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from conversions import catalogue
from conversions.catalogue import Language
from conversions.cli.source_preview_words import amount_text, outcome, word
from conversions.doctor.preview import Preview, Result
from conversions.intake.preview import PreviewRow, Product
from conversions.observe.printable import printable

MAX_PRODUCTS = 8
"""Products of one order that are shown."""
_COLUMNS = ("order", "purchase", "status", "sale", "amount", "address")


def row_lines(preview: Preview, zone: ZoneInfo, language: Language, width: int) -> Iterator[str]:
    """Yield two lines for each row: a table, and below each row what does not fit one."""
    lines = [_cells(row, zone, language) for row, _ in preview.rows]
    heading, *table = _table([word(f"column_{name}", language) for name in _COLUMNS], lines, width)
    if lines:
        yield heading
    for line, (row, results) in zip(table, preview.rows, strict=True):
        yield from filter(None, [line])
        yield f"    {_rest(row, preview.destinations, results, language)}"
    if any(word("hidden", language) in part for cells in lines for part in cells):
        yield word("hidden_cells", language)
    if more := preview.counts.rows - preview.counts.outside_window - len(lines):
        yield word("more_rows", language, count=more)


def _table(heading: Sequence[str], lines: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the heading and the lines as columns, or, where these are too wide, as texts."""
    widths = [max(map(len, column)) for column in zip(heading, *lines, strict=True)]
    if sum(widths) + 2 * len(widths) > width:
        return ["; ".join(filter(None, line)) for line in (heading, *lines)]
    columns = ("  ".join(map(str.ljust, line, widths)) for line in (heading, *lines))
    return [line.rstrip() for line in columns]


def _cells(row: PreviewRow, zone: ZoneInfo, language: Language) -> tuple[str, ...]:
    hidden = word("hidden", language)
    number = printable(row.number) if row.number is not None else hidden if row.is_order else ""
    if not row.is_order:
        return (number, *[""] * (len(_COLUMNS) - 1))
    at = row.purchased_at.astimezone(zone) if row.purchased_at else None
    address = word(f"address_{row.address}", language)
    return (
        number,
        "" if at is None else f"{at:%Y-%m-%d}" if row.ends_day else f"{at:%Y-%m-%d %H:%M}",
        hidden if row.status is None else printable(row.status),
        word("yes" if row.completed else "no", language),
        f"{amount_text(row.amount, hidden)} {hidden if row.currency is None else printable(row.currency)}".rstrip(),
        word("address_repeated", language, count=row.orders_of_address) if row.orders_of_address > 1 else address,
    )


def _rest(row: PreviewRow, names: Sequence[str], results: Sequence[Result], language: Language) -> str:
    """Return the place of a row, its products, the consent, and what became of it."""
    shown = f"{row.place} (#{printable(row.shown_number)})" if row.shown_number else row.place
    return "; ".join(filter(None, [shown, *_details(row, language), _became(row, names, results, language)]))


def _details(row: PreviewRow, language: Language) -> Iterator[str]:
    if row.is_order:
        products = [_product(each, language) for each in row.products[:MAX_PRODUCTS]]
        more = [f"+{len(row.products) - MAX_PRODUCTS}"] if len(row.products) > MAX_PRODUCTS else []
        yield ", ".join([*products, *more]) or word("no_products", language)
        if row.refunded != 0:
            yield word("refunded", language, amount=amount_text(row.refunded, word("hidden", language)))
        yield word(f"consent_{row.consent}".replace(" ", "_"), language)


def _product(product: Product, language: Language) -> str:
    hidden = word("hidden", language)
    quantity = "" if product.quantity is None else f"{product.quantity} x "
    price = "" if product.unit_price is None else f" à {product.unit_price:f}"
    return f"{quantity}{hidden if product.id is None else printable(product.id)}{price}"


def _became(row: PreviewRow, names: Sequence[str], results: Sequence[Result], language: Language) -> str:
    if row.reason:
        reason = catalogue.reason(row.reason, language)
        return word("unreadable_cell" if row.field else "unreadable", language, column=row.field, reason=reason)
    return outcome(names, results, language) if results else word("older_row", language)
