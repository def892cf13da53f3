"""The text of ``conversions source preview``: at most ``WIDTH`` characters a line."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from conversions import catalogue
from conversions.catalogue import Language
from conversions.cli.output import show, wrapped
from conversions.cli.source_preview_rows import row_lines
from conversions.cli.source_preview_words import amount_text, outcome, sentence, word
from conversions.doctor.preview import Preview
from conversions.observe.printable import printable

WIDTH = 100
MAX_WAYS = 5
"""Different ways to read files that are shown."""


def show_preview(preview: Preview, zone: ZoneInfo, language: Language) -> None:
    """Print the rows, the counts, what looks wrong, and the conclusion."""
    width = min(WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDTH
    days = {"since": preview.window.since, "until": preview.window.until, "zone": zone}
    title = word("title", language, source=preview.source, **days)
    conclusion = word("conclusion_wrong" if preview.exit_code else "conclusion", language, count=preview.sendable)
    paragraphs = (
        [title, *_found(preview, language)],
        list(row_lines(preview, zone, language, width)),
        list(_counts(preview, language)),
        list(_remarks(preview, language)),
        [conclusion],
    )
    blocks = ("\n".join(wrapped(line, width) for line in lines) for lines in paragraphs if lines)
    show("\n\n".join(blocks))


def _found(preview: Preview, language: Language) -> Iterator[str]:
    """Yield how files are read; several files that are read in one way are one line."""
    ways = Counter(tuple(sorted(way.items())) for way in preview.found.values() if way)
    for way, files in ways.most_common(MAX_WAYS):
        names = {"\t": word("tabulator", language), " ": word("space", language)}
        settings = ", ".join(f"{name} `{names.get(value, printable(value))}`" for name, value in way)
        yield word("read_as", language, count=files, settings=settings)


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
        yield f"{orders:>8}  {outcome(preview.destinations, results, language)}"
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
        total = amount_text(shape.printed_total(currency), word("hidden", language))
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
