"""The orders of the source as a run would understand them, and what it would do with each; this writes nothing."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from operator import attrgetter

from conversions.doctor.preview_warnings import INSTEAD_OF, PreviewWarning, notes, warnings
from conversions.errors import Exit
from conversions.intake.preview import ObservedSource, PreviewRow, Reading
from conversions.intake.setup import open_intake
from conversions.intake.sources.advice import message
from conversions.ledger import Clock, Ledger, open_read_only
from conversions.ledger.queries import totals
from conversions.ledger.staging import amount_history, bad_rows, evaluate
from conversions.model.conversion import Reason, Window
from conversions.model.finding import Finding
from conversions.model.read_counts import ReadCounts
from conversions.model.run_request import RunRequest
from conversions.observe.progress import Progress
from conversions.process.gc_tuning import relaxed_gc
from conversions.run.context import open_scope
from conversions.run.runtime import build_runtime
from conversions.run.staging import read_window
from conversions.settings import Settings

Result = tuple[str, str | None]
"""What becomes of an order at one destination: a bucket of the control totals, and the reason."""
SENDABLE = frozenset({"pending", "deferred", "already_sent"})
"""The platform takes the order, or has it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Rows that are not used as an order."""

    reason: Reason
    field: str | None
    """Our name of the column at fault."""
    rows: int
    example: str | None
    """The place of one of them."""
    sentence: str
    """The column, what it holds where that may be shown, and the correction."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One reading of the source."""

    source: str
    found: dict[str, dict[str, str]]
    """By file, how it is read, by the name of the setting."""
    window: Window
    destinations: list[str]
    counts: ReadCounts
    reading: Reading
    rows: list[tuple[PreviewRow, tuple[Result, ...]]]
    """Rows to show, with one result per destination; none for a row that is no order, or an older row of one."""
    outcomes: Counter[tuple[Result, ...]]
    """Orders by their results."""
    unreadable: list[Unreadable]
    warnings: list[PreviewWarning]
    findings: list[Finding]
    """What the checks of a run found."""
    notes: list[PreviewWarning]

    @property
    def sendable(self) -> int:
        """Orders that at least one platform takes or has."""
        return _sendable(self.outcomes)

    @property
    def exit_code(self) -> Exit:
        """0 where an order can be sent and nothing looks wrong."""
        wrong = self.warnings or any(finding.exit_code for finding in self.findings)
        return Exit.ATTENTION if wrong or not self.sendable else Exit.OK


def preview(settings: Settings, request: RunRequest, rows: int, clock: Clock, progress: Progress) -> Preview:
    """Read the days of *request* as a run does, and show *rows* rows.

    It needs no store and no credentials. Raises SourceError where the source cannot be read, SettingsError where
    settings, policy or store do not fit.
    """
    runtime = build_runtime(settings)
    intake = open_intake(settings, runtime.rules, clock)
    observed = ObservedSource(intake.source, settings.source, rows)
    intake.source.check()
    with relaxed_gc(), open_read_only(settings, clock) as ledger:
        scope = open_scope(runtime, ledger, request, progress)
        # Only the days: a nightly run of a shop system also reads orders of other days that it knows.
        scope = replace(scope, request=RunRequest(scope.window.since, scope.window.until))
        knows_amounts = not amount_history.is_empty(amount_history.sqlite_connection(ledger))
        result = read_window(scope, replace(intake, source=observed), partial(map, intake.pseudonymizer))
        reading, unreadable = observed.reading, _unreadable(ledger, result.counts, observed)
        shown = reading.rows()
        by_place, outcomes = _results(ledger, settings.shop, {row.rank_place for row in shown})
        found = list(
            warnings(
                reading,
                Counter({(each.reason, each.field): each.rows for each in unreadable}),
                _sendable(outcomes),
                knows_amounts=knows_amounts,
            )
        )
        return Preview(
            source=observed.description,
            found=observed.found,
            window=scope.window,
            destinations=runtime.names,
            counts=result.counts,
            reading=reading,
            rows=list(_rows(ledger, shown, by_place)),
            outcomes=outcomes,
            unreadable=unreadable,
            warnings=found,
            findings=list(_other_findings(result.findings, found)),
            notes=list(notes(result.counts.without_sku, _reasons(outcomes))),
        )


def _results(
    ledger: Ledger, shop: str, shown: Collection[int | None]
) -> tuple[dict[int, tuple[Result, ...]], Counter[tuple[Result, ...]]]:
    """Return the results of the orders at the places *shown* of the reading, and the number of orders by results."""
    now, by_place, outcomes = int(ledger.clock().timestamp()), {}, Counter[tuple[Result, ...]]()
    for page in evaluate.evaluations(ledger, shop):
        for place, group in groupby(page, key=attrgetter("row.rank_place")):
            results = tuple(totals.estimate(order, now) for order in group)
            outcomes[results] += 1
            if place in shown:
                by_place[place] = results
    return by_place, outcomes


def _sendable(outcomes: Mapping[tuple[Result, ...], int]) -> int:
    return sum(n for results, n in outcomes.items() if any(bucket in SENDABLE for bucket, _ in results))


def _reasons(outcomes: Mapping[tuple[Result, ...], int]) -> Counter[str]:
    """Return the orders by each reason that at least one platform has against them."""
    reasons = Counter[str]()
    for results, orders in outcomes.items():
        for reason in {reason for _, reason in results if reason is not None}:
            reasons[reason] += orders
    return reasons


def _unreadable(ledger: Ledger, counts: ReadCounts, observed: ObservedSource) -> list[Unreadable]:
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


def _rows(
    ledger: Ledger, shown: Iterable[PreviewRow], by_place: Mapping[int, tuple[Result, ...]]
) -> Iterator[tuple[PreviewRow, tuple[Result, ...]]]:
    """Yield the rows to show; an order that was set aside after the reading gets its reason."""
    rows: list[tuple[PreviewRow, tuple[Result, ...]]] = [(row, by_place.get(row.rank_place or 0, ())) for row in shown]
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


def _other_findings(findings: Iterable[Finding], found: Iterable[PreviewWarning]) -> Iterator[Finding]:
    """Yield the findings that no warning repeats."""
    said = {about for warning in found for about in INSTEAD_OF.get(warning.code, ())}
    for finding in findings:
        if finding.code != "unreadable_rows" and not (finding.code == "held_back" and finding.about in said):
            yield finding
