"""``conversions privacy erase``, ``tasks`` and ``retention``: what leaves the store, and who is to be told."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli.clock import now
from conversions.cli.options import AsJson, Case, Config, ReasonOption, load_settings
from conversions.cli.output import say, show, show_json, show_table
from conversions.cli.subjects import Address, Column, File, people
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from conversions.ledger.subjects.recipient_notices import RecipientNotice

STILL_THERE = (
    "The store's files could not be written anew: somebody reads them, or the disk has no room for a copy. Traces may"
    " be left there; run `conversions privacy retention` when that has ended."
)


def erase(
    address: Address = None,
    *,
    case: Case = None,
    file: File = None,
    column: Column = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask on a terminal.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Erase a person: GDPR article 17. What was sent, to whom and when stays provable; what it said is gone.

    The address is read from standard input, from --file, or asked for. Whatever the person orders next is withheld.
    """
    from conversions.privacy import erasure

    if not case:
        raise Usage("--case is needed: the number under which you keep the person's request.")
    settings = load_settings(config)
    named, unusable = people(settings, address, file, column)
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Erase {len(named)} person(s) for ever?", abort=True, err=True)
    done = erasure.erase(settings, now, named, case)
    if as_json:
        show_json(asdict(done))
    else:
        show(f"Erased: {done.events} events of {done.orders} orders of {done.persons} persons.")
        say("Their orders stay erased and are not sent again. Backups made before today hold what they held.")
    if done.copies:
        say(f"So do these beside the store; delete them when you can: {', '.join(done.copies)}.")
    if done.tasks:
        say(f"Recipients to be told: {done.tasks}. `conversions privacy tasks` says whom, of what and how.")
    for line, why in unusable:
        say(f"line {line}: {why}")
    return Exit.DATA if unusable else _wiped(wiped=done.wiped)


def tasks(
    *,
    close: Annotated[int | None, typer.Option(metavar="TASK", help="The recipient was told; needs --reason.")] = None,
    reason: ReasonOption = None,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """List the recipients to be told of an erasure (GDPR article 19), or close such a task."""
    from conversions.privacy import erasure

    settings = load_settings(config)
    if close is not None:
        if not reason:
            raise Usage("--close needs --reason: how the recipient was told.")
        erasure.close_notice(settings, now, close, reason)
        show(f"Closed: task {close}.")
        return Exit.OK
    found = erasure.open_notices(settings, now)
    if as_json:
        show_json([_facts(task) for task in found])
        return Exit.OK
    rows = [(t.id, t.case, t.recipient, f"{t.opened:%Y-%m-%d}", _state(t), len(t.references)) for t in found]
    show_table(("task", "case", "recipient", "opened (UTC)", "state", "orders"), rows)
    for recipient in sorted({task.recipient for task in found if task.closed is None}):
        say(f"{recipient}: {erasure.RECIPIENT_INSTRUCTIONS.get(recipient, 'Write to its data protection contact.')}")
    if any(task.closed is None for task in found):
        say("The IDs are in `conversions privacy tasks --json`.")
    return Exit.OK


def retention(*, as_json: AsJson = False, config: Config = None) -> int:
    """Purge what is older than privacy.retention_days, as every run does, and write the store's files anew."""
    from conversions.privacy import retention

    purged, wiped = retention.purge(load_settings(config), now)
    if as_json:
        show_json({"before": purged.before, "events": purged.events, "orders": purged.orders, "wiped": wiped})
    else:
        show(
            f"Purchases before {purged.before}: {purged.events} payloads purged, {purged.orders} rows of orders turned"
            " into counts."
        )
    return _wiped(wiped=wiped)


def _wiped(*, wiped: bool) -> int:
    if not wiped:
        say(STILL_THERE)
    return Exit.OK if wiped else Exit.TRY_AGAIN


def _state(task: "RecipientNotice") -> str:
    return f"closed {task.closed:%Y-%m-%d}: {task.reason}" if task.closed else "open"


def _facts(task: "RecipientNotice") -> dict[str, object]:
    from conversions.privacy.erasure import RECIPIENT_INSTRUCTIONS

    return {
        "task": task.id,
        "case": task.case,
        "recipient": task.recipient,
        "what": task.what,
        "how": RECIPIENT_INSTRUCTIONS.get(task.recipient),
        "opened_at": task.opened,
        "closed_at": task.closed,
        "reason": task.reason,
        "references": list(task.references),
    }
