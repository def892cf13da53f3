"""``conversions privacy record``: what a controller keeps on paper, from what is really set."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from conversions.cli.access import deliver
from conversions.cli.clock import now
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import json_text, say


def record(
    *,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="A new file; otherwise stdout.")] = None,
    language: Annotated[Literal["da", "en"], typer.Option("--lang", help="Of the texts.")] = "da",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Write the record of processing: GDPR article 30, from the settings and the policy in force."""
    from conversions.catalogue import Language
    from conversions.privacy import processing_record as records

    settings = load_settings(config)
    found = records.record(settings, now)
    if as_json:
        text = json_text(records.document(found, Language(language)))
    else:
        text = records.html(found, Language(language), settings)
    deliver(text, out)
    if found.missing:
        say(f"Not stated, and part of a complete record: {', '.join(found.missing)}.")
