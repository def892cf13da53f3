"""``conversions policy``: show, compare and approve the disclosure policy."""

import difflib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conversions.cli import clock
from conversions.cli.options import AsJson, Config, load_settings, without_address
from conversions.cli.output import say, show, show_json, show_table
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from conversions.disclosure.policy import Policy
    from conversions.settings import Settings

app = typer.Typer(
    name="policy", help="Show, compare and approve the disclosure policy.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("show")
def show_policy(*, config: Config = None, as_json: AsJson = False) -> int:
    """Show the approved policy: the quoted sentence, and every path by its class."""
    settings = load_settings(config)
    policy = _approved(settings)
    if as_json:
        show_json(_document(policy))
        return Exit.OK
    show(f"Version {policy.version}, in effect since {policy.effective}, quoted from {policy.quoted_from}")
    show(f"“{policy.quote}”")
    for kind in ("google", "meta"):
        show()
        rows = [[listing.class_, listing.path, listing.shape, listing.what] for listing in policy.listings(kind)]
        show_table([kind, "path", "shape", "what"], sorted(rows))
    return Exit.OK


@app.command()
def diff(*, config: Config = None, as_json: AsJson = False) -> int:
    """Compare the approved policy with the policy file."""
    from conversions.ledger.runs.policies import paths

    settings = load_settings(config)
    old, new = _approved(settings), _file(settings)
    added = [path for path in paths(new) if path not in paths(old)]
    removed = [path for path in paths(old) if path not in paths(new)]
    same = old.sha256 == new.sha256
    if as_json:
        versions = {"approved": old.version, "file": new.version}
        show_json({**versions, "same": same, "added": added, "removed": removed, "exit_code": 0})
    elif same:
        show(f"The file is the approved policy, version {old.version}.")
    else:
        show("".join(_lines(old, new)))
        for label, changed in (("May leave from now on", added), ("May not leave any more", removed)):
            for path in changed:
                show(f"{label}: {path}")
    return Exit.OK


@app.command()
def approve(
    *,
    by: Annotated[str, typer.Option(metavar="NAME", callback=without_address, help="The person responsible.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", callback=without_address, help="Why; kept in the log.")],
    config: Config = None,
) -> int:
    """Approve the changed policy file; later runs send under it."""
    from conversions.ledger import open_ledger, runs
    from conversions.ledger.runs import policies

    if not by.strip() or not reason.strip():
        raise Usage("--by and --reason must not be empty: an auditor reads them.")
    settings = load_settings(config)
    with open_ledger(settings, clock.now) as ledger:
        runs.acquire_epoch(ledger)
        old = policies.approve(ledger, new := _file(settings), policies.Approval(by, reason))
        runs.record_tree_head(ledger)
    say(f"Version {new.version} is approved and replaces {old.version}. `conversions plan` shows what it changes.")
    return Exit.OK


def _approved(settings: "Settings") -> "Policy":
    from conversions.ledger import open_read_only
    from conversions.ledger.runs import policies

    with open_read_only(settings, clock.now) as ledger:
        policy = policies.approved(ledger)
    if policy is None:
        say("No policy is approved yet: the first run records the one in the file.")
    return policy or _file(settings)


def _file(settings: "Settings") -> "Policy":
    from conversions.disclosure.policy import load_policy

    return load_policy(settings.resolve(settings.privacy.policy))


def _lines(old: "Policy", new: "Policy") -> list[str]:
    return list(difflib.unified_diff(old.text.splitlines(True), new.text.splitlines(True), "approved", "file", n=1))


def _document(policy: "Policy") -> dict[str, Any]:
    listings = {
        kind: [listing.model_dump(mode="json", by_alias=True) for listing in policy.listings(kind)]
        for kind in ("google", "meta")
    }
    return {
        "version": policy.version,
        "effective": policy.effective,
        "quoted_from": policy.quoted_from,
        "quote": policy.quote,
        "sha256": policy.sha256,
        **listings,
        "exit_code": 0,
    }
