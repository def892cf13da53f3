"""Both sides of the balance: what was read, and what the ledger says became of it, after the last commit."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from conversions import anomalies
from conversions.anomalies import amounts, host_change, match_rate, platform_warnings
from conversions.delivery.open_queue import resend_us
from conversions.delivery.queue import DestinationQueue
from conversions.ledger import Ledger
from conversions.ledger.queries import backlog, totals, unreported
from conversions.ledger.restatements import eligibility
from conversions.ledger.runs import findings as told
from conversions.ledger.staging import bad_rows
from conversions.ledger.staging.snapshot import SourceSnapshot
from conversions.ledger.subjects import redaction, retention
from conversions.model.finding import Finding
from conversions.model.late_result import LateResults
from conversions.model.read_counts import ReadCounts
from conversions.run import estimate
from conversions.run.context import RunContext
from conversions.run.read_result import ReadResult
from conversions.run.report import DestinationSide, Report, SourceSide


def build_report(
    context: RunContext,
    said: ReadResult,
    queues: list[DestinationQueue],
    second: list[DestinationQueue],
    late: Mapping[str, LateResults],
) -> Report:
    """The report of a run; *second* are the lanes of restated values, *late* is what was learned before."""
    ledger, run, zone = context.ledger, context.run, context.scope.settings.zone
    ledger.shrink_cache()
    balance = totals.control_totals(
        ledger, run.id, [(queue.template.name, queue.template.destination) for queue in queues]
    )
    fresh = unreported.unreported(
        ledger, run.id, {queue.template.destination: queue.template.resend_us for queue in queues}
    )
    sides = {}
    for queue in queues:
        name, number = queue.template.name, queue.template.destination
        endings = [
            one.stop_reason for one in (queue, *second) if one.stop_reason and one.template.destination == number
        ]
        found = eligibility.totals(ledger, run.id, number, queue.destination.adjusted_event)
        side = sides[name] = DestinationSide(balance[name], next(iter(endings), None), fresh[number], found, late[name])
        side.seconds, side.first_batch = queue.seconds, queue.template.max_events if queue.canary else None
        left = backlog.remaining(ledger, run.id, number, queue.template.resend_us)
        side.left = left.orders
        if first := left.first_too_old:
            side.too_old_at = f"{first.astimezone(zone):%Y-%m-%d %H:%M}"
    findings = said.findings + platform_findings(ledger, context.scope.today)
    return Report(run.id, context.scope.window, source_side(said.counts, said.snapshot), sides, findings)


def build_stopped_report(context: RunContext, said: ReadResult, late: Mapping[str, LateResults]) -> Report:
    """The report of a run that a finding stopped before it staged: what would have become of every order."""
    ledger, run, runtime = context.ledger, context.run, context.scope.runtime
    sides = estimate.estimate(runtime, ledger, context.scope.destination_ids)
    places = zip(context.scope.destination_ids, runtime.destinations, strict=True)
    counted = {number: resend_us(view.destination, view.settings) for number, view in places}
    fresh = unreported.unreported(ledger, run.id, counted)
    for number, (name, side) in zip(context.scope.destination_ids, sides.items(), strict=True):
        side.news, side.late, side.left = fresh[number], late[name], side.account.counts["pending"]
        side.ending = late[name].ending or side.ending
    source = source_side(said.counts, said.snapshot)
    found = said.findings + platform_findings(ledger, context.scope.today)
    return Report(run.id, context.scope.window, source, sides, found, stopped=True)


def platform_findings(ledger: Ledger, today: date) -> list[Finding]:
    """What platforms warned of, and how many orders they match; silent where a person knows it."""
    return told.mark_known(ledger, [*platform_warnings.findings(ledger), *match_rate.findings(ledger, today)])


def remember(context: RunContext, report: Report) -> None:
    """Of what the guards found: what is told now is not told again tomorrow."""
    judged = anomalies.codes() | {host_change.CODE, amounts.ALONE, platform_warnings.CODE, match_rate.CODE}
    told.save(context.ledger, context.run, report.findings, judged)


def purge_expired(context: RunContext) -> None:
    """Nothing is kept for ever; what is taken out leaves the files, too, and is tried again where it cannot yet."""
    settings = context.scope.settings
    bad_rows.purge_digests(context.ledger, settings.lookback_days)
    purged = retention.purge(
        context.ledger, retention.first_kept_day(context.ledger, settings.zone, settings.privacy.retention_days)
    )
    if purged.events or purged.orders:
        redaction.wipe(context.ledger)


def source_side(reading: ReadCounts, snapshot: SourceSnapshot) -> SourceSide:
    """The left side, in orders and in money."""
    values: dict[str, Decimal] = defaultdict(Decimal)
    for money, _ in snapshot.totals():
        values[money.currency] += money.amount
    return SourceSide(
        rows=reading.rows,
        orders=reading.orders,
        repeated=reading.repeated,
        outside_window=reading.outside_window,
        quarantined={str(reason): count for reason, count in reading.quarantined.items()},
        values=dict(values),
        skipped_files=reading.skipped_files,
    )
