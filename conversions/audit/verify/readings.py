"""Compares what each run read with the runs, the destinations and the sales that there are, and with its report."""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple

import orjson

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.payloads import DAMAGES
from conversions.ledger.standing.readings import Span, contains, unpack

if TYPE_CHECKING:
    from conversions.audit.verify.batches import Batch

EVERYWHERE = (1 << 62) - 1
"""The destinations of a reading that an upgrade made; it has the sales that no later run has read."""
_READINGS = "SELECT run, page, destinations, sales FROM reading ORDER BY run, page"
_OF_RUN = "SELECT run, page, destinations, sales FROM reading WHERE run = ? ORDER BY page"
_REPORT = "SELECT report FROM run WHERE id = ?"


class Page(NamedTuple):
    """A row of the table ``reading``."""

    run: int
    page: int
    destinations: int
    sales: bytes

    def spans(self) -> list[Span]:
        """Raise ValueError or another error where the row is damaged."""
        stream = zlib.decompressobj()
        stream.decompress(self.sales)
        spans = list(unpack(self.sales))
        if stream.unused_data or any(later[0] <= before[1] for before, later in pairwise(spans)):
            raise ValueError("the row does not end with its spans, or they do not rise")
        return spans


@dataclass(slots=True)
class SealedReadings:
    """What the run read that sealed the batch in hand; batches of one run follow each other."""

    store: sqlite3.Connection
    _run: int | None = None
    _pages: list[tuple[int, list[Span]]] = field(default_factory=list)

    def have(self, batch: "Batch", sales: Iterable[int]) -> bool:
        """Whether the run of *batch* read each of *sales* for its destination."""
        if batch.run != self._run:
            pages = [Page(*row) for row in self.store.execute(_OF_RUN, (batch.run,))]
            self._run, self._pages = batch.run, [(page.destinations, page.spans()) for page in pages]
        read = [spans for destinations, spans in self._pages if destinations >> batch.destination & 1]
        return all(any(contains(spans, sale) for spans in read) for sale in sales)


def compare(store: sqlite3.Connection, newest_sale: int) -> Iterator[VerificationFinding]:
    """Yield the runs whose readings are damaged, or say what cannot be; *newest_sale* is the newest there ever was."""
    known = sum(1 << number for (number,) in store.execute("SELECT id FROM destination"))
    for run, rows in groupby(store.execute(_READINGS), key=lambda row: row[0]):
        try:
            pages = [Page(*row) for row in rows]
            differences = list(_differences(store, pages, newest_sale, known))
        except DAMAGES as error:
            differences = [f"cannot be read ({type(error).__name__})"]
        for difference in differences:
            yield VerificationFinding(f"the reading of run {run}", difference)


def _differences(store: sqlite3.Connection, pages: Sequence[Page], newest_sale: int, known: int) -> Iterator[str]:
    spans = [span for page in pages for span in page.spans()]
    if any(first < 1 or last > newest_sale for first, last in spans):
        yield "has sales that there never were"
    made_by_upgrade = any(page.destinations == EVERYWHERE for page in pages)
    if any(page.destinations & ~known for page in pages) and not made_by_upgrade:
        yield "has destinations that there are not"
    report = store.execute(_REPORT, (pages[0].run,)).fetchone()
    if report is None:
        yield "names a run that is not there"
    elif report[0] and not made_by_upgrade:
        stated, read = _stated(report[0]), sum(last - first + 1 for first, last in spans)
        if stated - {read}:
            yield f"has {read} sales, and the report of the run another number"


def _stated(report: str) -> set[int]:
    """The numbers of orders that a report says were read, by destination."""
    places = orjson.loads(report).get("destinations", {}).values()
    return {place["read"] for place in places if "read" in place}
