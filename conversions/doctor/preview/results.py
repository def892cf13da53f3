"""What would become of each order at each platform, by the evaluation that a plan makes."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from conversions.doctor.preview.preview import Results, Unreadable
from conversions.intake.preview import ObservedSource, PreviewRow
from conversions.intake.sources.advice import message
from conversions.ledger import Ledger
from conversions.ledger.queries import totals
from conversions.ledger.staging import bad_rows, evaluate
from conversions.model.conversion import Reason
from conversions.model.read_counts import ReadCounts


def results_of(ledger: Ledger, shown: Collection[int | None]) -> tuple[dict[int, Results], Counter[Results]]:
    """Return the results of the orders at the places *shown* of the reading, and the number of orders by results."""
    now, by_place, outcomes = int(ledger.clock().timestamp()), {}, Counter[Results]()
    for page in evaluate.evaluations(ledger):
        for place, group in groupby(page, key=attrgetter("row.rank_place")):
            found = tuple(totals.estimate(order, now) for order in group)
            outcomes[found] += 1
            if place in shown:
                by_place[place] = found
    return by_place, outcomes


def reasons_against(outcomes: Mapping[Results, int]) -> Counter[str]:
    """Return the orders by each reason that at least one platform has against them."""
    reasons = Counter[str]()
    for results, orders in outcomes.items():
        for reason in {reason for _, reason in results if reason is not None}:
            reasons[reason] += orders
    return reasons


def unreadable(ledger: Ledger, counts: ReadCounts, observed: ObservedSource) -> list[Unreadable]:
    """Return the rows that are no order, and those set aside after the reading, by reason and column."""
    rows, examples = Counter(observed.reading.unreadable), observed.reading.examples
    fields = bad_rows.summarize(ledger).fields
    for reason, count in counts.quarantined.items():
        counted = sum(n for (each, _), n in observed.reading.unreadable.items() if each == reason)
        rows[Reason(reason), fields.get(reason)] += count - counted
    return [
        Unreadable(reason, field, n, examples.get((reason, field)), message(observed.unparsed, reason, field))
        for (reason, field), n in (+rows).most_common()
    ]


def rows_with_results(
    ledger: Ledger, shown: Iterable[PreviewRow], by_place: Mapping[int, Results]
) -> Iterator[tuple[PreviewRow, Results]]:
    """Yield the rows to show; an order that was set aside after the reading gets its reason."""
    rows: list[tuple[PreviewRow, Results]] = [(row, by_place.get(row.rank_place or 0, ())) for row in shown]
    names = {name for row, results in rows if row.is_order and not results for name in _names(row)}
    aside = bad_rows.at(ledger, names)
    for row, results in rows:
        found = next((aside[name] for name in _names(row) if name in aside), None)
        if found is None or results or not row.is_order:
            yield row, results
        else:
            yield replace(row, reason=Reason(found[0]), field=found[1]), ()


def _names(row: PreviewRow) -> tuple[str, str]:
    """Return the places under which the store sets an order aside."""
    return row.place, f"order {row.number}"
