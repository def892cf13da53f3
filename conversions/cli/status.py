"""``conversions status``: what the store holds, without touching it."""

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from conversions import catalogue
from conversions.cli import clock
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, JsonSchema, load_settings
from conversions.cli.output import printable, show, show_json, show_table
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from conversions.ledger.queries.overview import Overview
    from conversions.ledger.runs.findings import KnownFinding
    from conversions.model.finding import Finding

NAMED = 10
"""Days; more are counted."""


def status(
    *,
    config: Config = None,
    max_age: Annotated[
        str | None, typer.Option(metavar="26h", help="Exit 1 where the last good run is older; for monitors.")
    ] = None,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
) -> int:
    """Show the last runs, what waits, and what needs a person."""
    from conversions.anomalies import match_rate
    from conversions.cli import platforms
    from conversions.ledger import open_read_only
    from conversions.ledger.late_results import quality_scores
    from conversions.ledger.outbox import platform_warnings
    from conversions.ledger.queries.overview import overview
    from conversions.ledger.runs import findings as told
    from conversions.ledger.staging import volumes

    settings = load_settings(config)
    with open_read_only(settings, clock.now) as ledger:
        found = overview(ledger)
        today = clock.now().astimezone(settings.zone).date()
        never_read = volumes.never_read(ledger, list(settings.destinations), today)
        few = volumes.known_gaps(ledger, today, settings.closed_days)
        findings = told.open_findings(ledger)
        notes = platforms.PlatformNotes(
            platform_warnings.current(ledger), match_rate.courses(ledger, today), quality_scores.current(ledger)
        )
    fresh = _fresh(found, max_age)
    code = Exit.OK if fresh and not never_read else Exit.ATTENTION
    if as_json:
        found_days = {"never_read": never_read, "few_orders": [one.json() for one in few]}
        found_days["findings"] = [asdict(one) for one in findings]
        facts = {**asdict(found), **found_days, **notes.json(), "fresh": fresh, "exit_code": int(code)}
        show_json(document(facts, json_schema))
    else:
        _show(found)
        _show_findings([one for one in findings if one.code != volumes.CODE])
        platforms.show_notes(notes)
        _show_days(never_read, few)
        if not fresh:
            show(f"No run has finished well within {max_age}; look at the last one above, then `conversions run`.")
    return code


def _show_problems(found: "Overview") -> None:
    if found.problems:
        show()
        rows = [
            [
                p.destination,
                printable(p.order_no),
                p.day,
                p.state,
                catalogue.reason(p.reason or ""),
                catalogue.detail(p.detail or ""),
            ]
            for p in found.problems
        ]
        show_table(["needs a person", "order", "day", "state", "why", "said"], rows)
    if found.unnamed:
        show(f"… and {found.unnamed} more.")
    if any(p.state == "unknown" for p in found.problems):
        show("What is unknown is sent again while the platform counts it once; after that it waits for a decision.")
    if found.problems or found.acknowledged:
        seen = f" {found.acknowledged} orders were acknowledged and are not shown." if found.acknowledged else ""
        show(f"`conversions decide` lists the choices.{seen}")


def _show_findings(findings: "Sequence[KnownFinding]") -> None:
    if findings:
        show()
    for one in findings:
        accepted = " (accepted)" if one.accepted else ""
        show(f"{one.code}{accepted}: {one.sentence}")
    if any(not one.accepted for one in findings):
        show("What is as it should be: `conversions decide acknowledge --finding CODE --reason TEXT`.")


def _show_days(never_read: "Sequence[date]", few: "Sequence[Finding]") -> None:
    for one in few:
        show()
        show(one.sentence)
    if never_read:
        more = f" and {len(never_read) - NAMED} more" if len(never_read) > NAMED else ""
        show()
        show(
            f"Never read: {', '.join(map(str, never_read[:NAMED]))}{more}. `conversions run` without dates goes back "
            "to them."
        )


def _fresh(found: "Overview", max_age: str | None) -> bool:
    from conversions.settings import duration

    if max_age is None:
        return True
    allowed = duration(max_age)
    if not isinstance(allowed, timedelta):
        raise Usage(f"--max-age {max_age} is not a duration; write 26h.")
    good = [run.finished for run in found.runs if run.finished and run.exit_code in (Exit.OK, Exit.ATTENTION)]
    return bool(good) and clock.now() - max(good) <= allowed


def _show(found: "Overview") -> None:
    from conversions.cli.report import worth

    if not found.runs:
        show("The store is new: no run yet. `conversions plan` shows what the first would do.")
        return
    show("A rehearsal store: nothing of it ever left this machine." if found.rehearsal else "A store of real sends.")
    show(f"{found.log_entries} log entries")
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
            for r in found.runs
        ],
    )
    show()
    show_table(
        ["destination", "state", "orders"], [[n, s, c] for n, states in found.states.items() for s, c in states.items()]
    )
    if found.late:
        show()
        rows = [
            [name, catalogue.text("statuses", code), count]
            for name, kinds in found.late.items()
            for code, count in sorted(kinds.items())
        ]
        show_table(["received, and whether they were recorded", "", "orders"], rows)
    if found.changed or found.restatements:
        show()
    for name, sums in sorted(found.changed.items()):
        show(f"{name}, worth something else by now: {worth(sums)}; `conversions plan` says which can be restated.")
    for name, states in sorted(found.restatements.items()):
        show(f"{name}, restatements: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))
    _show_problems(found)
    for name, (reason, orders) in found.stopped.items():
        show(
            f"{name} is stopped: {orders} orders were refused ({reason}). `conversions plan` says what is to be done, "
            f"and then `conversions decide` lets it go on."
        )
    if found.bad_rows:
        show()
        rows = [[printable(row.place), catalogue.reason(row.reason), row.field or ""] for row in found.bad_rows]
        show_table(["rows that could not be orders (last run)", "why", "column"], rows)
