"""``conversions audit verify``, ``bundle`` and ``rotate-key``: the log that proves itself."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from conversions.cli.clock import now
from conversions.cli.options import AsJson, Config, load_settings, without_address
from conversions.cli.output import printable, say, show, show_json
from conversions.errors import Exit


def verify_log(
    *,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", exists=True, help="One that was kept elsewhere; may be repeated."),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Check that the log is what was logged: every entry, every event, every kept checkpoint.

    Exit 0: intact. Exit 74: not, with each thing that is wrong.
    """
    from conversions.audit.verify.verify import check_store, log_location, verify

    where = log_location(load_settings(config), checkpoint or [])
    check_store(where)
    verdict = verify(where)
    code = Exit.OK if verdict.intact else Exit.STORE
    if as_json:
        show_json(verdict.json() | {"exit_code": code})
    else:
        show(printable(verdict.sentence))
        for finding in verdict.findings[1:]:
            show(printable(f"  {finding}"))
        for note in verdict.notes:
            say(note)
    return code


def bundle_evidence(
    *,
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="First day of the entries.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last day of the entries.")],
    out: Annotated[Path, typer.Option(metavar="FILE.zip|DIRECTORY", help="New, and for its owner's eyes only.")],
    config: Config = None,
) -> None:
    """Write signed evidence that others can verify: entries, proofs, what left, policies, and a verifier.

    It holds the events, which are personal data.
    """
    from conversions.audit import open_log
    from conversions.audit.evidence.bundle import bundle

    settings = load_settings(config)
    with open_log(settings, now) as log:
        show(bundle(log, settings, since.date(), until.date(), out))
    say(f"Wrote {out}; its README.txt tells how to verify it.")


def rotate_key(
    *,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", prompt=True, callback=without_address, help="Why; kept in the log.")
    ],
    config: Config = None,
) -> None:
    """Sign checkpoints from now on with the key that CONVERSIONS_LOG_KEY holds now.

    Those of the old key stay good: the log keeps both, and when it changed.
    """
    from conversions.ledger import checkpoints, open_ledger, runs
    from conversions.ledger.checkpoints import signed_note
    from conversions.ledger.runs import bindings

    settings = load_settings(config)
    public = signed_note.public_key(checkpoints.signing_seed(settings))
    with open_ledger(settings, now) as ledger:
        bindings.change(ledger, checkpoints.PIN, public.hex(), reason)
        kept = runs.record_tree_head(ledger)
        name = checkpoints.origin(ledger.store_id)
    say(f"Checkpoints are signed by {signed_note.verifier_key(name, public)} from now on; tell your auditors.")
    show((kept or "").rstrip())
