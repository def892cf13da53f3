"""The text of ``conversions status``."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

from conversions import catalogue
from conversions.cli import messages, platforms
from conversions.cli.erasure import TRACES_LEFT
from conversions.cli.last_run import show_last_run
from conversions.cli.output import counted, show, show_prose, show_table
from conversions.cli.remedies import remedy
from conversions.cli.report import approved_by_nobody, value_change
from conversions.cli.status import NEW_STORE, Status
from conversions.ledger.queries.changes import Changes
from conversions.ledger.queries.overview import Overview, PastRun, Problem
from conversions.ledger.runs.findings import KnownFinding
from conversions.ledger.staging import volumes
from conversions.model.finding import Finding
from conversions.model.local_time import local_minute, local_time
from conversions.settings import DestinationSettings, Settings

MAX_DAYS_LISTED = 10
"""Further days are only counted."""


def show_status(status: Status, settings: Settings) -> None:
    """Print how the last run ended and what to do next, then what changed, then what the store holds."""
    state, zone = status.overview, settings.zone
    _show_store(state, attempted=status.last is not None)
    if status.last:
        show_last_run(status.last, zone)
        for line in messages.of_backlogs(status.waiting, zone):
            show_prose(f"  {line}")
        show(f"  Next: `{status.next}`" if status.next else "  Next: nothing.")
    if status.changes:
        _show_changes(status.changes, zone)
    if state.runs:
        _show_runs(state, zone, under_way=status.last is not None and status.last.state == "under_way")
        _show_orders(state)
        _show_problems(state, settings.destinations)
        _show_stopped(state)
    _show_findings([finding for finding in status.findings if finding.code != volumes.CODE])
    platforms.show_notes(status.notes, zone)
    if state.unscrubbed:
        show()
        show_prose(f"Since {local_time(state.unscrubbed[0].since, zone)}: {TRACES_LEFT}")
    _show_days(status.never_read, status.few)
    if status.unapproved:
        show()
        show_prose(approved_by_nobody(status.unapproved))


def _show_store(state: Overview, *, attempted: bool) -> None:
    if not state.runs:
        show("Nothing was sent yet: no run has got as far as the store." if attempted else NEW_STORE)
        return
    show("A rehearsal store: none of it left this machine." if state.rehearsal else "A store of real runs.")
    show(f"{state.log_entries} log entries; `conversions audit checkpoint` prints the signed checkpoint.")
    show()


def _show_changes(changed: Changes, zone: ZoneInfo) -> None:
    """Print what is different from the last run of an earlier day."""
    show()
    new = "no new problem" if not changed.new_problems else f"{counted(changed.new_problems, 'new problem')}"
    show(f"Since run {changed.run} of {local_time(changed.finished, zone)}: {new}.")
    for name, states in changed.states.items():
        show(f"  {name}: " + ", ".join(f"{number:+} {state}" for state, number in states.items()))


def _show_problems(state: Overview, destinations: Mapping[str, DestinationSettings]) -> None:
    if state.problems:
        show()
        rows = [
            [p.destination, p.order_no, p.day, p.state, *catalogue.explained(p.reason, p.detail)]
            for p in state.problems
        ]
        show_table(["needs a person", "order", "day", "state", "reason", "code"], rows)
    if state.unnamed:
        show(f"… and {state.unnamed} more.")
    for what, orders in groupby(sorted(state.problems, key=_kind), key=_kind):
        destination, reason, detail = what
        code = f" ({detail})" if detail else ""
        show_prose(f"{destination}, {reason}{code}: {remedy(next(orders), destinations)}")
    if state.problems or state.acknowledged:
        hidden = f" {counted(state.acknowledged, 'acknowledged order')} not shown." if state.acknowledged else ""
        show(f"`conversions decide` lists the choices.{hidden}")


def _kind(problem: Problem) -> tuple[str, str, str]:
    """What the orders with one remedy have in common, in words."""
    reason, detail = catalogue.explained(problem.reason, problem.detail)
    return problem.destination, reason or problem.state, detail


def _show_findings(findings: Sequence[KnownFinding]) -> None:
    if findings:
        show()
    for finding in findings:
        accepted = " (accepted)" if finding.accepted else ""
        show_prose(f"{finding.code}{accepted}: {finding.sentence}")
    if any(not finding.accepted for finding in findings):
        show_prose(
            "To silence a finding that is no mistake: `conversions decide acknowledge --finding CODE --reason TEXT`."
        )


def _show_days(never_read: Sequence[date], few: Sequence[Finding]) -> None:
    for finding in few:
        show()
        show_prose(finding.sentence)
    if never_read:
        hidden = len(never_read) - MAX_DAYS_LISTED
        more = f" and {hidden} more" if hidden > 0 else ""
        show()
        show(
            f"Never read: {', '.join(map(str, never_read[:MAX_DAYS_LISTED]))}{more}. `conversions run` without dates "
            "reads them."
        )


def _show_runs(state: Overview, zone: ZoneInfo, *, under_way: bool) -> None:
    def ended(run: PastRun) -> object:
        if run.finished is None:
            return "under way" if under_way and run is state.runs[0] else "killed"
        return run.exit_code

    rows = [[r.id, local_minute(r.started, zone), ended(r), f"{r.since}…{r.until}", r.operator] for r in state.runs]
    show()
    show_table(["run", f"started ({zone.key})", "exit", "purchases", "by"], rows)


def _show_orders(state: Overview) -> None:
    if orders := [[n, s, c] for n, states in state.states.items() for s, c in states.items()]:
        show()
        show_table(["destination", "state", "orders"], orders)
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


def _show_stopped(state: Overview) -> None:
    """Print the destinations that a person must release, and the rows of the last run that are no orders."""
    for name, (reason, orders) in state.stopped.items():
        show(
            f"{name} is stopped: {orders} orders were refused ({reason}). `conversions plan` says what to do; "
            "after that `conversions decide` lets it go on."
        )
    if state.bad_rows:
        show()
        rows = [[row.place, catalogue.reason(row.reason), row.field or ""] for row in state.bad_rows]
        show_table(["unreadable rows (last run)", "reason", "column"], rows)
