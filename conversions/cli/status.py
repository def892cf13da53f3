"""``conversions status``: an overview of the store, read only."""

from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conversions.cli import clock
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, JsonSchema, load_settings
from conversions.cli.output import show, show_json
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from conversions.cli.last_run import LastRun
    from conversions.cli.platforms import PlatformNotes
    from conversions.ledger.queries.backlog import Backlog
    from conversions.ledger.queries.changes import Changes
    from conversions.ledger.queries.overview import Overview
    from conversions.ledger.runs.findings import KnownFinding
    from conversions.model.finding import Finding
    from conversions.settings import Settings

NEW_STORE = "The store is new: no run yet. `conversions plan` shows what the first run would do."


@dataclass(frozen=True, slots=True)
class Status:
    """What ``status`` shows."""

    overview: "Overview"
    last: "LastRun | None"
    waiting: "Sequence[Backlog]"
    changes: "Changes | None"
    never_read: "Sequence[date]"
    few: "Sequence[Finding]"
    findings: "Sequence[KnownFinding]"
    notes: "PlatformNotes"
    unapproved: "Sequence[str]"

    def json(self, settings: "Settings") -> dict[str, Any]:
        """Return the document of ``status --json``, without its exit code."""
        from conversions.cli.remedies import remedy

        orders = [{**asdict(p), "remedy": remedy(p, settings.destinations)} for p in self.overview.problems]
        return {
            **asdict(self.overview),
            "problems": orders,
            "never_read": self.never_read,
            "few_orders": [finding.json() for finding in self.few],
            "findings": [asdict(finding) for finding in self.findings],
            **self.notes.json(),
            "unapproved": self.unapproved,
            "last_run": self.last and self.last.json(),
            "waiting": [asdict(backlog) for backlog in self.waiting],
            "since_yesterday": asdict(self.changes) if self.changes else None,
            "sentence": " ".join(self.last.sentences) if self.last else NEW_STORE,
            "next": self.next,
        }

    @property
    def next(self) -> str | None:
        """The command to type; None where there is nothing to do."""
        if self.last is None:
            return "conversions plan"
        return self.last.next or ("conversions decide" if self.overview.problems else None)


def status(
    *,
    config: Config = None,
    max_age: Annotated[
        str | None, typer.Option(metavar="26h", help="Exit 1 if the last good run is older; for monitors.")
    ] = None,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
) -> int:
    """Show the last runs, the orders by state, and the problems that need a person."""
    from conversions.cli.status_text import show_status

    settings = load_settings(config)
    current = _read(settings)
    fresh = _fresh(current.overview, max_age)
    code = Exit.OK if fresh and not current.never_read else Exit.ATTENTION
    if as_json:
        show_json(document({**current.json(settings), "fresh": fresh, "exit_code": int(code)}, json_schema))
        return code
    show_status(current, settings)
    if not fresh:
        show(f"No run has ended with exit 0 or 1 within {max_age}; see the last run above, then `conversions run`.")
    return code


def _read(settings: "Settings") -> Status:
    from conversions.anomalies import match_rate
    from conversions.cli.last_run import last_run
    from conversions.cli.platforms import PlatformNotes
    from conversions.ledger import open_read_only
    from conversions.ledger.late_results import quality_scores
    from conversions.ledger.outbox import platform_warnings
    from conversions.ledger.queries import backlog, changes, overview
    from conversions.ledger.runs import approval_history, policies, sending_rules
    from conversions.ledger.runs.findings import open_findings
    from conversions.ledger.staging import volumes
    from conversions.ledger.store import run_lock
    from conversions.run import last_stop

    with open_read_only(settings, clock.now) as ledger:
        today = clock.now().astimezone(settings.zone).date()
        state = overview.overview(ledger)
        newest = state.runs[0] if state.runs else None
        locked = newest is not None and newest.finished is None and run_lock.is_held(settings)
        return Status(
            state,
            last_run(newest, overview.last_report(ledger), last_stop.load(settings), locked=locked),
            backlog.backlogs(ledger),
            changes.changes(ledger, datetime.combine(today, time.min, settings.zone), state.states),
            volumes.never_read(ledger, list(settings.destinations), today),
            volumes.known_gaps(ledger, today, settings.closed_days),
            open_findings(ledger),
            PlatformNotes(
                platform_warnings.current(ledger),
                match_rate.courses(ledger, today),
                quality_scores.current(ledger),
                policies.approved(ledger),
            ),
            approval_history.current(ledger, sending_rules.seal(settings)).unapproved,
        )


def _fresh(state: "Overview", max_age: str | None) -> bool:
    from conversions.settings import duration

    if max_age is None:
        return True
    allowed = duration(max_age)
    if not isinstance(allowed, timedelta):
        raise Usage(f"--max-age {max_age} is not a duration; write 26h.")
    good = [run.finished for run in state.runs if run.finished and run.exit_code in (Exit.OK, Exit.ATTENTION)]
    return bool(good) and clock.now() - max(good) <= allowed
