"""``conversions policy``: show, compare and approve the disclosure policy and the sending rules."""

import difflib
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli import clock
from conversions.cli.days import one_day
from conversions.cli.options import AsJson, Config, RequiredReason, ResponsiblePerson, load_settings
from conversions.cli.output import say, show, show_json
from conversions.errors import Exit
from conversions.model.run_request import in_words, today

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversions.disclosure.policy import Policy
    from conversions.ledger.runs.approval_history import Allowed
    from conversions.ledger.runs.approvals import Pending, Proposal
    from conversions.settings import Settings

app = typer.Typer(
    name="policy",
    help="Show, compare and approve the disclosure policy and the rules of sending.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("show")
def show_policy(*, config: Config = None, as_json: AsJson = False) -> int:
    """Show what is allowed: the policy's sentence and paths, the rules, and who approved each, and when."""
    from conversions.cli import approval_text
    from conversions.ledger import open_read_only
    from conversions.ledger.runs import approval_history, sending_rules

    settings = load_settings(config)
    with open_read_only(settings, clock.now) as ledger:
        allowed = approval_history.current(ledger, sending_rules.seal(settings))
    if allowed.policy is None:
        say(f"Nothing is approved yet: the first run records what the files say, approved by {_first(settings)}.")
        allowed = _first_run(settings)
    if as_json:
        show_json({**approval_text.document(allowed, settings.zone), "exit_code": 0})
    else:
        approval_text.show_allowed(allowed, settings.zone)
    return Exit.OK


@app.command()
def diff(*, config: Config = None, as_json: AsJson = False) -> int:
    """Compare what is approved with the policy file and the settings."""
    from conversions.ledger import open_read_only
    from conversions.ledger.runs import approvals, policies

    settings = load_settings(config)
    new = _proposal(settings)
    with open_read_only(settings, clock.now) as ledger:
        old, pending = policies.approved(ledger) or new.policy, approvals.pending(ledger, new)
    added = [path for path in policies.paths(new.policy) if path not in policies.paths(old)]
    removed = [path for path in policies.paths(old) if path not in policies.paths(new.policy)]
    if as_json:
        versions = {"approved": old.version, "file": new.policy.version}
        changed = {"added": added, "removed": removed, "rules": pending.json()["rules"]}
        show_json({**versions, "same": not pending, **changed, "exit_code": 0})
    elif not pending:
        show(f"The file is the approved policy, version {old.version}, and every rule is as it was approved.")
    else:
        _show_changes(old, new.policy, added, removed)
        for line in pending.rule_lines:
            show(line)
    return Exit.OK


@app.command()
def approve(
    *,
    by: ResponsiblePerson,
    reason: RequiredReason,
    config: Config = None,
    as_json: AsJson = False,
) -> int:
    """Approve the policy file and every rule in the settings, as they are now; later runs send under them."""
    from conversions.ledger import open_ledger, runs
    from conversions.ledger.runs import approvals

    settings = load_settings(config)
    new = _proposal(settings)
    with open_ledger(settings, clock.now) as ledger:
        runs.acquire_epoch(ledger)
        pending = approvals.approve(ledger, new, approvals.Approval(by.strip(), reason.strip()))
        runs.record_tree_head(ledger)
    if as_json:
        show_json({"approved_by": by.strip(), "changes": pending.json(), "exit_code": 0})
    else:
        _say_approved(pending, new)
    return Exit.OK


@app.command()
def history(
    *,
    on: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Show what was allowed on this day, in the shop's zone."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> int:
    """Show what was allowed, since when, and who approved it."""
    from conversions.cli import approval_text
    from conversions.ledger import open_read_only
    from conversions.ledger.runs import approval_history, sending_rules

    settings = load_settings(config)
    with open_read_only(settings, clock.now) as ledger:
        states = approval_history.history(ledger, sending_rules.seal(settings))
    zone = settings.zone
    day = one_day("--on", on, today(zone, clock.now())) if on else None
    chosen = approval_history.on_day(states, day, zone) if day else states[1:]
    if as_json:
        document = [
            {"from": approval_text.local_time(at_us, zone), **approval_text.document(allowed, zone)}
            for at_us, allowed in chosen
        ]
        asked = {"on": day} if day else {}
        show_json({"zone": settings.timezone, **asked, "allowed": document, "exit_code": 0})
        return Exit.OK
    show(f"{in_words(day)}, times in {settings.timezone}" if day else f"Times are in {settings.timezone}.")
    if day:
        approval_text.show_states(chosen, zone)
    else:
        for line in approval_text.changes(states, zone):
            show(line)
    return Exit.OK


def _proposal(settings: "Settings") -> "Proposal":
    from conversions.doctor.approvals import proposal

    return proposal(settings)


def _first(settings: "Settings") -> str:
    return settings.privacy.approved_by or "nobody"


def _first_run(settings: "Settings") -> "Allowed":
    """What the first run would record."""
    from conversions.ledger.runs.approval_history import Allowed, Entry, How

    new = _proposal(settings)
    entry = Entry(0, "policy", How.FIRST_RUN, new.policy.sha256, new.approver, None)
    return Allowed(new.policy, entry, {name: (value, entry) for name, value in new.rules.items()})


def _say_approved(pending: "Pending", new: "Proposal") -> None:
    if pending.policy:
        say(f"Version {pending.policy[1]} is approved and replaces {pending.policy[0]}.")
    for line in pending.rule_lines:
        say(f"Approved: {line}")
    if not pending:
        say(f"Policy {new.policy.version} and {len(new.rules)} rules are approved as they are.")
    say("`conversions plan` shows what a run does now.")


def _show_changes(old: "Policy", new: "Policy", added: "Sequence[str]", removed: "Sequence[str]") -> None:
    lines = difflib.unified_diff(old.text.splitlines(True), new.text.splitlines(True), "approved", "file", n=1)
    if text := "".join(lines):
        show(text)
    for label, changed in (("May leave from now on", added), ("May not leave any more", removed)):
        for path in changed:
            show(f"{label}: {path}")
