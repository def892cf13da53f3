"""The whole window is read, checked for anomalies, judged and staged before anything of it is claimed."""

from dataclasses import replace

from conversions import anomalies
from conversions.anomalies import amounts
from conversions.anomalies.evidence import Evidence
from conversions.anomalies.host_change import moved
from conversions.anomalies.volume_limit import too_many
from conversions.errors import SourceUnavailable
from conversions.intake.setup import Intake, Pseudonymize
from conversions.ledger import runs, staging
from conversions.ledger.queries import totals
from conversions.ledger.staging import bad_rows, gaps, reason_shares, volumes
from conversions.ledger.staging.snapshot import Sightings, open_sightings
from conversions.ledger.subjects import suppressions
from conversions.model import finding
from conversions.model.finding import Finding
from conversions.model.read_counts import Reading
from conversions.run import restatements
from conversions.run.context import Night, Scope, counted_once
from conversions.run.read_result import Said
from conversions.run.runtime import House
from conversions.run.workers import Crew


def read_for_run(night: Night, intake: Intake, crew: Crew) -> Said:
    """Read the window of a run, and look for anomalies. Raises SourceError."""
    said = read(night.scope, intake, crew.disguised)
    if said.reading.left_for_later and not said.reading.rows:
        raise SourceUnavailable(
            f"Every file was still being written ({', '.join(said.reading.left_for_later)}). Nothing is lost: run "
            "again in a minute, or set source.settle_seconds."
        )
    return replace(said, findings=[*moved(night.run), *said.findings])


def read(scope: Scope, intake: Intake, pseudonymize: Pseudonymize) -> Said:
    """Read the window, and look for anomalies; nothing is written. Raises SourceError."""
    ledger, settings, accepted = scope.ledger, scope.settings, scope.wish.accepted
    reading, sightings = read_snapshot(scope, intake, pseudonymize)
    evidence = Evidence(ledger, settings, scope.wish, scope.window, reading, scope.destinations)
    paid = amounts.judge(ledger, settings.shop, scope.window, scope.today, intake.past_orders)
    found = finding.answered([*anomalies.findings(evidence), *paid.findings], accepted)
    if not finding.stopping(found):
        amounts.withhold(ledger, settings.shop, paid, accepted.get(amounts.CODE, ()))
    return Said(reading, sightings, found, evidence.judgements.new, paid)


def read_snapshot(scope: Scope, intake: Intake, pseudonymize: Pseudonymize) -> tuple[Reading, Sightings]:
    """Read the window into the store's temporary tables. Raises SourceError."""
    ledger = scope.ledger
    intake.apply_suppressions(suppressions.in_force(ledger) if scope.settings.former_keys else {})
    sightings = open_sightings(ledger, scope.numbers)
    with scope.progress.track("reading", None) as advance:
        return intake.read(scope.window, sightings, pseudonymize, advance), sightings


def stage(night: Night, said: Said) -> list[Finding]:
    """Judge and stage every order; what keeps all of it from being sent is returned."""
    scope, ledger, run = night.scope, night.ledger, night.run
    house, window, numbers, accepted = scope.house, scope.window, scope.numbers, scope.wish.accepted
    bad_rows.keep(ledger, run)
    scheme = f"{house.pins['id scheme']} {house.pins['key']}"
    with scope.progress.track("staging", said.reading.orders) as advance:
        for page in staging.stage(ledger, run.id, scope.settings.shop, scheme):
            advance(page)
    reason_shares.remember(ledger, run, said.judged, {one.about for one in said.findings})
    amounts.learn(ledger, run, scope.settings.shop, said.amounts, accepted.get(amounts.CODE, ()))
    volumes.remember(ledger, run.id, window, scope.today)
    gaps.set_aside(ledger, run, dict(zip(numbers, counted_once(house), strict=True)))
    runs.staged(ledger, run, window, [] if said.reading.left_for_later else numbers)
    if scope.wish.restate:
        restatements.stage(house, ledger, run, numbers)
    waiting = list(totals.waiting(ledger, run.id, numbers).values())
    return finding.answered(too_many(most(house, waiting)), accepted)


def most(house: House, waiting: list[int]) -> dict[str, tuple[int, int | None]]:
    """By destination: how many orders wait, and its ``max_new``, from which rehearsals are exempt."""
    limits = [None if house.settings.rehearsal else view.section.max_new for view in house.views]
    return dict(zip(house.names, zip(waiting, limits, strict=True), strict=True))
