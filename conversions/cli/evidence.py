"""``conversions audit verify``, ``bundle`` and ``rotate-key``: proof that the log is unchanged."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli.clock import now
from conversions.cli.days import FORMS, entry_days
from conversions.cli.options import AsJson, Config, PromptedReason, ReasonOption, load_settings
from conversions.cli.output import say, show, show_json
from conversions.errors import Usage
from conversions.model.local_time import local_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from conversions.ledger.checkpoints import FormerKey


def verify_log(
    *,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE|FOLDER", exists=True, help="A checkpoint kept elsewhere, or a folder of them; repeatable."
        ),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A checkpoint that you trust: the bytes of requests before it are skipped.",
        ),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Check that the log is unchanged: every entry, every event, every kept checkpoint, and what rows follow from them.

    It also says what it does not check. Exit 0: intact. Exit 1: lines of the tail file, checkpoints, or an entry that
    explains a deletion are missing. Exit 74: not what was logged. Each fault is listed.
    """
    from conversions.audit.verify import scope
    from conversions.audit.verify.verify import check_store, log_location, verify

    settings = load_settings(config)
    location = log_location(settings, checkpoint or [], since)
    check_store(location)
    result = verify(location)
    if as_json:
        show_json(result.json() | {"exit_code": result.exit_code})
    else:
        show(result.sentence)
        for finding in result.findings[1:]:
            show(f"  {finding}")
        if result.outside and result.outside.newest:
            show(result.outside.newest.sentence(settings.zone, now()))
        for sentence in (*result.notes, *scope.sentences()):
            say(sentence)
    return result.exit_code


def bundle_evidence(
    *,
    since: Annotated[str, typer.Option("--since", metavar="DAY", help=f"First day of the entries: {FORMS}.")],
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="Last day of the entries.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE.zip|DIRECTORY", help="New file or directory that only its owner can read.")
    ],
    order: Annotated[
        list[str] | None,
        typer.Option(metavar="ORDER", help="Show which events are this order's; may be repeated."),
    ] = None,
    reason: ReasonOption = None,
    config: Config = None,
) -> None:
    """Write signed evidence that others can verify: entries, proofs, requests, policies, and a verifier.

    It contains the events, which are personal data. This look is recorded; `audit looks` lists it.
    """
    from conversions.audit import open_log
    from conversions.audit.evidence import chosen_orders
    from conversions.audit.evidence.bundle import bundle
    from conversions.audit.looks import record
    from conversions.ledger.subjects.access_log import Look, LookKind

    settings = load_settings(config)
    first, last = entry_days(settings, since, until)
    chosen, purpose = chosen_orders.find(settings, now, order or []), reason or "audit"
    opened = [Look(LookKind.ORDER, purpose, sale=each.sale) for each in chosen]
    record(settings, now, [Look(LookKind.BUNDLE, purpose, about=f"{first}, {last}"), *opened])
    with open_log(settings, now) as log:
        report = bundle(log, settings, now(), (first, last), out, chosen)
    show("\n".join(report.lines()))
    say(f"Wrote {out}; its README.txt says how to verify it.")


def show_checkpoint(*, config: Config = None) -> None:
    """Print the newest signed checkpoint of the log; every run writes one.

    Keep it where your own staff cannot change it, for `conversions audit verify --checkpoint FILE`.
    """
    from conversions.ledger import checkpoints

    files = [*checkpoints.checkpoint_files(load_settings(config).checkpoints_path)]
    if not files:
        raise Usage("There is no checkpoint yet: the first `conversions run` writes one.")
    show(files[-1].read_text(encoding="utf-8").rstrip())


def rotate_key(
    *,
    reason: PromptedReason,
    config: Config = None,
) -> None:
    """Sign checkpoints from now on with the present CONVERSIONS_LOG_KEY.

    Checkpoints of the old key stay valid: the log keeps both keys and the time of the change. With the old key in
    CONVERSIONS_FORMER_LOG_KEYS, both sign for store.checkpoint_key_overlap_days.
    """
    from conversions.ledger import checkpoints, open_ledger, require_store, runs
    from conversions.ledger.checkpoints import signed_note
    from conversions.ledger.runs import bindings

    settings = load_settings(config)
    require_store(settings, ": the first `conversions run` records the log key")
    public = signed_note.public_key(checkpoints.signing_seed(settings))
    with open_ledger(settings, now) as ledger:
        bindings.change(ledger, checkpoints.PIN, public.hex(), reason)
        checkpoint = runs.record_tree_head(ledger)
        name = checkpoints.signer(ledger.store_id)
        with ledger.transaction() as connection:
            former = checkpoints.former_keys(connection, settings)
    say(f"Checkpoints are signed by {signed_note.verifier_key(name, public)} from now on; tell your auditors.")
    for key in former:
        if now() < key.until:
            say(_overlap(key, settings.zone))
    show((checkpoint or "").rstrip())


def _overlap(key: "FormerKey", zone: "ZoneInfo") -> str:
    """Until when a former key signs, or how to let it sign."""
    until = local_time(key.until, zone)
    if key.seed is not None:
        return f"The former key {key.public[:16]}… signs them, too, until {until}; then remove it from .env."
    return (
        f"The former key {key.public[:16]}… does not sign them: a verifier that knows only that one refuses them from "
        f"now on. With that key in CONVERSIONS_FORMER_LOG_KEYS, each run signs with both until {until}."
    )
