"""``conversions privacy erase``, ``tasks`` and ``retention``: delete data from the store, and notify recipients."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from conversions import catalogue
from conversions.cli.clock import now
from conversions.cli.options import AsJson, Case, Config, ReasonOption, load_settings
from conversions.cli.output import confirm, counted, say, show, show_json, show_table
from conversions.cli.subjects import Address, Column, File, people
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from conversions.ledger.subjects.recipient_notices import RecipientNotice

TRACES_LEFT = (
    "Traces of deleted data may be left in the store's files: another program reads the store, or the disk is full."
    " Every run tries again to remove them; when the cause is gone, `conversions privacy retention` does."
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
    """Erase a person's data: GDPR article 17. The log still proves what was sent, to whom and when, without content.

    The address is read from standard input, from --file, or asked for. Later orders of the person are withheld. Data
    under restriction (`conversions privacy restrict`) are not erased.
    """
    from conversions.privacy import erasure

    if not case:
        raise Usage("--case is missing: the number under which you file the person's request.")
    settings = load_settings(config)
    subjects, unusable = people(settings, address, file, column)
    if sys.stdin.isatty() and not yes:
        confirm(f"Erase {len(subjects)} person(s) for ever?")
    result = erasure.erase(settings, now, subjects, case)
    if as_json:
        show_json(asdict(result))
    else:
        show(
            f"Erased: {counted(result.events, 'event')} of {counted(result.orders, 'order')} of "
            f"{counted(result.persons, 'person')}."
        )
        if result.orders:
            say("Their orders stay erased and are not sent again. Backups made before today may still hold their data.")
        else:
            say("No order of theirs is in the store, and later ones are withheld. Backups may still hold their data.")
    if result.copies:
        say(f"So do these files beside the store; delete them when you can: {', '.join(map(_kept, result.copies))}.")
    if result.tasks:
        say(f"Recipients to notify: {result.tasks}. `conversions privacy tasks` lists them, and says how to do it.")
    for line, reason in unusable:
        say(f"line {line}: {catalogue.reason(reason)}")
    code = _exit_code(wiped=result.wiped)
    return Exit.DATA if unusable else code


def tasks(
    *,
    close: Annotated[
        int | None, typer.Option(metavar="TASK", help="Close this task: the recipient was notified; needs --reason.")
    ] = None,
    reason: ReasonOption = None,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """List the recipients to notify of an erasure or a rectification (GDPR article 19), or close such a task."""
    from conversions.privacy import erasure

    settings = load_settings(config)
    if close is not None:
        if not reason:
            raise Usage("--close needs --reason: how the recipient was notified.")
        erasure.close_notice(settings, now, close, reason)
        show(f"Closed: task {close}.")
        return Exit.OK
    notices = erasure.open_notices(settings, now)
    if as_json:
        show_json([_facts(task) for task in notices])
        return Exit.OK
    opened, zone = f"opened ({settings.timezone})", settings.zone
    rows = [
        (t.id, t.case, t.what, t.recipient, f"{t.opened.astimezone(zone):%Y-%m-%d}", _state(t, zone), len(t.references))
        for t in notices
    ]
    show_table(("task", "case", "what", "recipient", opened, "state", "orders"), rows)
    for what, recipient in sorted({(task.what, task.recipient) for task in notices if task.closed is None}):
        say(f"{what}, {recipient}: {erasure.how_to_notify(what, recipient)}")
    if any(task.closed is None and not task.references for task in notices):
        say(erasure.WITHOUT_IDS)
    if any(task.closed is None for task in notices):
        say("`conversions privacy tasks --json` lists the IDs.")
    return Exit.OK


def retention(*, as_json: AsJson = False, config: Config = None) -> int:
    """Purge data older than privacy.retention_days and the traces of deleted data in files, as every run does."""
    from conversions.privacy import retention

    purged, wiped = retention.purge(load_settings(config), now)
    if as_json:
        show_json({"before": purged.before, "events": purged.events, "orders": purged.orders, "wiped": wiped})
    else:
        show(
            f"Purchases before {purged.before}: {purged.events} payloads purged, {purged.orders} rows of orders turned"
            " into counts."
        )
    return _exit_code(wiped=wiped)


def _kept(copy: str) -> str:
    """Return the name of a copy, and until when it is kept if a run deletes it."""
    from conversions.ledger.maintenance.schema_copies import kept_until

    until = kept_until(copy)
    return f"{copy} (kept until {until:%Y-%m-%d})" if until else copy


def _exit_code(*, wiped: bool) -> int:
    if not wiped:
        say(TRACES_LEFT)
    return Exit.OK if wiped else Exit.TRY_AGAIN


def _state(task: "RecipientNotice", zone: "ZoneInfo") -> str:
    if task.closed is None:
        return "open"
    return f"closed {task.closed.astimezone(zone):%Y-%m-%d}: {task.reason}"


def _facts(task: "RecipientNotice") -> dict[str, object]:
    from conversions.privacy.erasure import how_to_notify

    return {
        "task": task.id,
        "case": task.case,
        "recipient": task.recipient,
        "what": task.what,
        "how": how_to_notify(task.what, task.recipient),
        "opened_at": task.opened,
        "closed_at": task.closed,
        "reason": task.reason,
        "references": list(task.references),
    }
