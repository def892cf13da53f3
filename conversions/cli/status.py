"""``conversions status``: an overview of the store, read only."""

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from conversions import catalogue
from conversions.cli import clock
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, JsonSchema, load_settings
from conversions.cli.output import show, show_json, show_table
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from conversions.ledger.queries.overview import Overview
    from conversions.ledger.runs.findings import KnownFinding
    from conversions.model.finding import Finding

MAX_DAYS_LISTED = 10
"""Further days are only counted."""


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
    from conversions.anomalies import match_rate
    from conversions.cli import platforms
    from conversions.ledger import open_read_only
    from conversions.ledger.late_results import quality_scores
    from conversions.ledger.outbox import platform_warnings
    from conversions.ledger.queries.overview import overview
    from conversions.ledger.runs.findings import open_findings
    from conversions.ledger.staging import volumes

    settings = load_settings(config)
    with open_read_only(settings, clock.now) as ledger:
        state = overview(ledger)
        today = clock.now().astimezone(settings.zone).date()
        never_read = volumes.never_read(ledger, list(settings.destinations), today)
        few = volumes.known_gaps(ledger, today, settings.closed_days)
        findings = open_findings(ledger)
        notes = platforms.PlatformNotes(
            platform_warnings.current(ledger), match_rate.courses(ledger, today), quality_scores.current(ledger)
        )
    fresh = _fresh(state, max_age)
    code = Exit.OK if fresh and not never_read else Exit.ATTENTION
    if as_json:
        problems = {"never_read": never_read, "few_orders": [finding.json() for finding in few]}
        problems["findings"] = [asdict(finding) for finding in findings]
        facts = {**asdict(state), **problems, **notes.json(), "fresh": fresh, "exit_code": int(code)}
        show_json(document(facts, json_schema))
    else:
        _show(state)
        _show_findings([finding for finding in findings if finding.code != volumes.CODE])
        platforms.show_notes(notes)
        _show_days(never_read, few)
        if not fresh:
            show(f"No run has ended with exit 0 or 1 within {max_age}; see the last run above, then `conversions run`.")
    return code


def _show_problems(state: "Overview") -> None:
    if state.problems:
        show()
        rows = [
            [p.destination, p.order_no, p.day, p.state, *catalogue.explained(p.reason, p.detail)]
            for p in state.problems
        ]
        show_table(["needs a person", "order", "day", "state", "reason", "detail"], rows)
    if state.unnamed:
        show(f"… and {state.unnamed} more.")
    if any(p.state == "unknown" for p in state.problems):
        show(
            "A run sends unknown orders again while the platform counts them once; after that they wait for a decision."
        )
    if state.problems or state.acknowledged:
        hidden = f" {state.acknowledged} orders were acknowledged and are not shown." if state.acknowledged else ""
        show(f"`conversions decide` lists the choices.{hidden}")


def _show_findings(findings: "Sequence[KnownFinding]") -> None:
    if findings:
        show()
    for finding in findings:
        accepted = " (accepted)" if finding.accepted else ""
        show(f"{finding.code}{accepted}: {finding.sentence}")
    if any(not finding.accepted for finding in findings):
        show("To silence a finding that is no mistake: `conversions decide acknowledge --finding CODE --reason TEXT`.")


def _show_days(never_read: "Sequence[date]", few: "Sequence[Finding]") -> None:
    for finding in few:
        show()
        show(finding.sentence)
    if never_read:
        hidden = len(never_read) - MAX_DAYS_LISTED
        more = f" and {hidden} more" if hidden > 0 else ""
        show()
        show(
            f"Never read: {', '.join(map(str, never_read[:MAX_DAYS_LISTED]))}{more}. `conversions run` without dates "
            "reads them."
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


def _show(state: "Overview") -> None:
    from conversions.cli.report import value_change

    if not state.runs:
        show("The store is new: no run yet. `conversions plan` shows what the first run would do.")
        return
    show("A rehearsal store: none of it left this machine." if state.rehearsal else "A store of real runs.")
    show(f"{state.log_entries} log entries")
    show()
    header = ["run", "started (UTC)", "exit", "purchases", "by"]
    show_table(
        header,
        [
            [
                r.id,
                f"{r.started:%Y-%m-%d %H:%M}",
                "-" if r.exit_code is None else r.exit_code,
                f"{r.since}…{r.until}",
                r.operator,
            ]
            for r in state.runs
        ],
    )
    show()
    show_table(
        ["destination", "state", "orders"], [[n, s, c] for n, states in state.states.items() for s, c in states.items()]
    )
    if state.late:
        show()
        rows = [
            [name, catalogue.text("statuses", code), count]
            for name, kinds in state.late.items()
            for code, count in sorted(kinds.items())
        ]
        show_table(["received orders, by late result", "", "orders"], rows)
    if state.changed or state.restatements:
        show()
    for name, sums in sorted(state.changed.items()):
        show(f"{name}, changed since sending: {value_change(sums)}; `conversions plan` says which can be restated.")
    for name, states in sorted(state.restatements.items()):
        show(f"{name}, restatements: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))
    _show_problems(state)
    for name, (reason, orders) in state.stopped.items():
        show(
            f"{name} is stopped: {orders} orders were refused ({reason}). `conversions plan` says what to do; "
            "after that `conversions decide` lets it go on."
        )
    if state.bad_rows:
        show()
        rows = [[row.place, catalogue.reason(row.reason), row.field or ""] for row in state.bad_rows]
        show_table(["unreadable rows (last run)", "reason", "column"], rows)
