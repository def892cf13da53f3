"""``conversions privacy access``: the answer to a person who asks which data about them were sent."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from conversions.cli.clock import now
from conversions.cli.options import Case, Config, ReasonOption, load_settings
from conversions.cli.output import json_text, say, show
from conversions.cli.subjects import Address, one_person


def access(
    address: Address = None,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="New file that only its owner can read; otherwise stdout.")
    ] = None,
    language: Annotated[Literal["da", "en"], typer.Option("--lang", help="Language of the answer.")] = "da",
    form: Annotated[
        Literal["html", "json"], typer.Option("--format", help="HTML for the person, JSON for another system.")
    ] = "html",
    reason: ReasonOption = None,
    case: Case = None,
    config: Config = None,
) -> None:
    """Answer a person who asks what was sent about them: GDPR article 15.

    The answer lists the data, recipients, times, forms and legal basis, the withheld orders, and the access log. This
    look-up is logged, too. The address is read from standard input, or asked for.
    """
    from conversions.catalogue import Language
    from conversions.privacy import access_forms
    from conversions.privacy.access import answer

    settings = load_settings(config)
    person = one_person(settings, address)
    report = answer(settings, now, person, reason or "access", case)
    if form == "html":
        text = access_forms.html(report, Language(language), settings.zone)
    else:
        text = json_text(access_forms.document(report, Language(language)))
    deliver(text, out)
    say(f"Sent: {len(report.sent)} events. Not sent: {len(report.not_sent)}. This look-up is logged.")
    if report.purged:
        say(f"Orders before {report.purged.before} are purged: the answer says that some may have been this person's.")


def deliver(text: str, out: Path | None) -> None:
    """Write a document to a new file, or to stdout."""
    from conversions.audit.evidence.export import new_file

    if out is None:
        if sys.stdout.isatty():
            show(text)
        else:
            sys.stdout.write(text + "\n")
        return
    with new_file(out) as file:
        file.write(text.encode())
    say(f"Wrote {out}.")
