"""``conversions privacy record``: the record of processing, written from the actual settings."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from conversions.cli.access import deliver
from conversions.cli.clock import now
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import json_text, say


def record(
    *,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="New file; otherwise stdout.")] = None,
    language: Annotated[Literal["da", "en"], typer.Option("--lang", help="Language of the record.")] = "da",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Write the record of processing (GDPR article 30) from the settings and the approved policy."""
    from conversions.catalogue import Language
    from conversions.privacy import processing_record

    settings = load_settings(config)
    result = processing_record.processing_record(settings, now)
    if as_json:
        text = json_text(processing_record.document(result, Language(language)))
    else:
        text = processing_record.html(result, Language(language), settings)
    deliver(text, out)
    if result.policy is None:
        say("No policy is approved yet: the record lists no data. The first `conversions run` records its own policy.")
    if result.missing:
        say(f"Missing from a complete record: {', '.join(result.missing)}.")
