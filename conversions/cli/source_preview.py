"""``conversions source preview``: the orders of the source as they were understood, and what would become of each."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from conversions.cli.clock import now
from conversions.cli.days import RunSince, RunUntil, run_days, say_days
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import say, show_json

if TYPE_CHECKING:
    from conversions.doctor.preview import Preview
    from conversions.settings import Settings


def preview(
    *,
    since: RunSince = None,
    until: RunUntil = None,
    rows: Annotated[int, typer.Option(min=0, max=10_000, help="Rows to show; all of the days are counted.")] = 20,
    language: Annotated[Literal["da", "en"], typer.Option("--lang", help="Language of the words.")] = "en",
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Show the orders as they were understood, and what looks wrong.

    Shows what would become of each order at each platform. Sends nothing, needs no store and no tokens, and prints no
    address. Without dates it reads the days that a run would read. Exit 0: orders can be sent and nothing looks wrong;
    1: look at the end of the output.
    """
    from conversions.catalogue import Language
    from conversions.cli import source_preview_json, source_preview_text
    from conversions.cli.source_preview_words import word
    from conversions.doctor.preview import read_preview
    from conversions.model.run_request import RunRequest
    from conversions.observe.progress import open_progress

    settings = load_settings(config)
    request = RunRequest(*run_days(settings, since, until))
    if request.named:
        days = request.days(settings.zone, now())
        say_days(settings, days.since, days.until)
    result = read_preview(settings, request, rows, now, open_progress())
    _record(settings, result)
    words = Language(language)
    if as_json:
        show_json(source_preview_json.document(result, settings.zone, words))
    else:
        source_preview_text.show_preview(result, settings.zone, words)
        if not settings.store_path.exists():
            say(word("no_store", words))
    return result.exit_code


def _record(settings: "Settings", result: "Preview") -> None:
    """Record the look in the store, by counts. Raises LedgerError where it cannot be recorded; then none is shown."""
    from conversions.audit import looks
    from conversions.ledger.subjects.access_log import Look, LookKind

    window = result.window
    about = f"{settings.source.kind}, {window.since}..{window.until}, {result.counts.rows} rows"
    looks.record(settings, now, [Look(LookKind.SOURCE, "preview", about=about)])
