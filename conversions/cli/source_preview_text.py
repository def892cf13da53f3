"""The text of ``conversions source preview``: at most ``WIDTH`` characters a line."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from conversions import catalogue
from conversions.catalogue import Language
from conversions.cli.output import show, wrapped
from conversions.cli.report import SETTING_OF
from conversions.doctor.preview_warnings import PreviewWarning
from conversions.doctor.source_preview import SENDABLE, Preview, Result
from conversions.intake.preview import PreviewRow, Product
from conversions.observe.printable import printable

WIDTH = 100
MAX_PRODUCTS = 8
"""Products of one order that are shown."""
MAX_WAYS = 5
"""Different ways to read files that are shown."""
_COLUMNS = ("order", "purchase", "status", "sale", "amount", "address")


def show_preview(preview: Preview, zone: ZoneInfo, language: Language) -> None:
    """Print the rows, the counts, what looks wrong, and the conclusion."""
    width = min(WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDTH
    days = {"since": preview.window.since, "until": preview.window.until, "zone": zone}
    title = word("title", language, source=preview.source, **days)
    conclusion = word("conclusion_wrong" if preview.exit_code else "conclusion", language, count=preview.sendable)
    paragraphs = (
        [title, *_found(preview, language)],
        list(_rows(preview, zone, language, width)),
        list(_counts(preview, language)),
        list(_remarks(preview, language)),
        [conclusion],
    )
    blocks = ("\n".join(wrapped(line, width) for line in lines) for lines in paragraphs if lines)
    show("\n\n".join(blocks))


def word(code: str, language: Language, **facts: object) -> str:
    """Return a text of the catalogue."""
    return catalogue.text("preview", code, language).format(**facts)


def sentence(warning: PreviewWarning, language: Language) -> str:
    """Return what a warning says."""
    return catalogue.text("preview_warnings", warning.code, language).format(**warning.facts)


def result_words(result: Result, language: Language) -> str:
    """Return what becomes of an order at one platform."""
    bucket, reason = result
    words = catalogue.text("preview_results", bucket, language)
    return (
        words
        if reason is None or bucket == "already_sent"
        else f"{words}: {catalogue.reason(reason, language)}{SETTING_OF.get(reason, '')}"
    )


def _rows(preview: Preview, zone: ZoneInfo, language: Language, width: int) -> Iterator[str]:
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


def _found(preview: Preview, language: Language) -> Iterator[str]:
    """Yield how files are read; several files that are read in one way are one line."""
    ways = Counter(tuple(sorted(way.items())) for way in preview.found.values() if way)
    for way, files in ways.most_common(MAX_WAYS):
        names = {"\t": word("tabulator", language), " ": word("space", language)}
        settings = ", ".join(f"{name} `{names.get(value, printable(value))}`" for name, value in way)
        yield word("read_as", language, count=files, settings=settings)


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
        f"{_amount(row.amount, hidden)} {hidden if row.currency is None else printable(row.currency)}".rstrip(),
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
            yield word("refunded", language, amount=_amount(row.refunded, word("hidden", language)))
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
    return _outcome(names, results, language) if results else word("older_row", language)


def _outcome(names: Sequence[str], results: Sequence[Result], language: Language) -> str:
    """Return "sendable to google, meta"; where all platforms withhold an order for one reason, they are not named."""
    by_result: dict[str, list[str]] = {}
    for name, result in zip(names, results, strict=True):
        by_result.setdefault(result_words(result, language), []).append(name)
    sendable = {result_words(result, language) for result in results if result[0] in SENDABLE}
    if len(by_result) == 1 and not sendable:
        return next(iter(by_result))
    return "; ".join(
        f"{words} ({', '.join(places)})" if words in sendable else f"{', '.join(places)}: {words}"
        for words, places in by_result.items()
    )


def _counts(preview: Preview, language: Language) -> Iterator[str]:
    counts, reading = preview.counts, preview.reading
    yield word(
        "rows_read",
        language,
        rows=counts.rows,
        orders=counts.orders,
        repeated=counts.repeated,
        outside=counts.outside_window,
        unreadable=counts.quarantined.total(),
    )
    if reading.days:
        yield word("days", language, first=reading.days[0], last=reading.days[1])
    for results, orders in preview.outcomes.most_common():
        yield f"{orders:>8}  {_outcome(preview.destinations, results, language)}"
    for each in preview.unreadable:
        place = f" ({each.example})" if each.example else ""
        yield f"{each.rows:>8}  {word('unreadable', language, reason=catalogue.reason(each.reason, language))}{place}"
        yield f"{'':8}  {each.sentence}"
    yield from _words(preview, language)


def _words(preview: Preview, language: Language) -> Iterator[str]:
    """Yield the orders by status, currency and address."""
    reading, hidden = preview.reading, word("hidden_words", language)
    yield word("by_status", language)
    for status, orders in reading.statuses.counts():
        sale = f" ({word('finished', language)})" if status in reading.finished else ""
        name = hidden if status is None else printable(status) or word("nothing", language)
        yield f"{orders:>8}  {name}{sale}"
    yield word("by_currency", language)
    for currency, shape in reading.amounts.items():
        total = _amount(shape.printed_total(currency), word("hidden", language))
        total = f"{currency} {total}" if currency else word("unknown", language)
        yield f"{shape.orders:>8}  {total}"
    yield word("by_address", language)
    for state, orders in reading.addresses.states.most_common():
        yield f"{orders:>8}  {word(f'address_{state}', language)}"
    if reading.addresses.most > 1:
        yield f"{'':8}  {word('most_orders', language, count=reading.addresses.most)}"


def _remarks(preview: Preview, language: Language) -> Iterator[str]:
    wrong = [sentence(each, language) for each in preview.warnings]
    wrong += [finding.sentence for finding in preview.findings if finding.exit_code]
    known = [finding.sentence for finding in preview.findings if not finding.exit_code]
    skipped = [word("skipped", language, file=file) for file in preview.counts.skipped_files]
    for heading, lines in (
        ("wrong", wrong),
        ("note", [*(sentence(n, language) for n in preview.notes), *known, *skipped]),
    ):
        for line in lines:
            yield f"{word(heading, language)}  {line}"


def _amount(amount: Decimal | None, hidden: str) -> str:
    return hidden if amount is None else f"{amount:f}"
