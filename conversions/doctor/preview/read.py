"""Reads the source for a preview, as a plan does."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from conversions import anomalies
from conversions.anomalies import amounts
from conversions.anomalies.evidence import Evidence
from conversions.doctor.preview.preview import Preview, sendable
from conversions.doctor.preview.results import reasons_against, results_of, rows_with_results, unreadable
from conversions.doctor.preview.warnings import INSTEAD_OF, PreviewWarning, notes, warnings
from conversions.intake.preview import ObservedSource
from conversions.intake.setup import Intake, open_intake
from conversions.ledger import Clock, open_read_only
from conversions.ledger.staging import amount_history
from conversions.model.finding import Finding, stops_run
from conversions.model.read_counts import ReadCounts
from conversions.model.run_request import RunRequest
from conversions.observe.progress import Progress
from conversions.process.gc_tuning import relaxed_gc
from conversions.run.context import Scope, open_scope
from conversions.run.runtime import build_runtime
from conversions.run.staging import read_snapshot
from conversions.settings import Settings


def read_preview(settings: Settings, request: RunRequest, rows: int, clock: Clock, progress: Progress) -> Preview:
    """Read the days of *request* as a run does, and show *rows* rows.

    It needs no store and no credentials of a platform. Raises SourceError where the source cannot be read,
    SettingsError where settings, policy or store do not fit.
    """
    runtime = build_runtime(settings)
    intake = open_intake(settings, runtime.rules, clock, progress)
    intake.source.check()
    with relaxed_gc(), open_read_only(settings, clock) as ledger:
        scope = open_scope(runtime, ledger, request, progress)
        # Only the days: a nightly run of a shop system also reads orders of other days that it knows.
        scope = replace(scope, request=RunRequest(scope.window.since, scope.window.until))
        return _preview(scope, intake, rows)


def _preview(scope: Scope, intake: Intake, rows: int) -> Preview:
    ledger, settings = scope.ledger, scope.settings
    observed = ObservedSource(intake.source, settings.source, rows)
    with ledger.transaction() as connection:
        knows_amounts = not amount_history.is_empty(connection)
    counts, _ = read_snapshot(scope, replace(intake, source=observed), partial(map, intake.pseudonymizer))
    findings = _findings(scope, counts, judge_amounts=knows_amounts)
    shown = observed.reading.rows()
    by_place, outcomes = results_of(ledger, {row.rank_place for row in shown})
    found = list(warnings(observed.reading, counts, sendable(outcomes), knows_amounts=knows_amounts))
    return Preview(
        source=observed.description,
        found=observed.found,
        window=scope.window,
        destinations=scope.runtime.names,
        counts=counts,
        reading=observed.reading,
        rows=list(rows_with_results(ledger, shown, by_place)),
        outcomes=outcomes,
        unreadable=unreadable(ledger, counts, observed),
        warnings=found,
        findings=list(_other_findings(findings, found)),
        notes=list(notes(counts.without_sku, reasons_against(outcomes))),
    )


def _findings(scope: Scope, counts: ReadCounts, *, judge_amounts: bool) -> list[Finding]:
    """Return what the checks of a run find, and withhold unusual amounts as it does.

    A store without levels of amounts would learn them from two months of the source, which takes too long for a look.
    """
    ledger, settings = scope.ledger, scope.settings
    found = anomalies.findings(Evidence(ledger, settings, scope.request, scope.window, counts, scope.destinations))
    if not judge_amounts:
        return found
    judgement = amounts.judge(ledger, scope.window, scope.today, lambda _: ())
    found += judgement.findings
    if not stops_run(found):
        amounts.withhold(ledger, judgement)
    return found


def _other_findings(findings: Iterable[Finding], found: Iterable[PreviewWarning]) -> Iterator[Finding]:
    """Yield the findings that no warning repeats."""
    said = {about for warning in found for about in INSTEAD_OF.get(warning.code, ())}
    for finding in findings:
        if finding.code != "unreadable_rows" and not (finding.code == "held_back" and finding.about in said):
            yield finding
