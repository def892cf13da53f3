"""``conversions report``: what became of a month's purchases, for the terminal, as a page, and as a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from conversions.cli.clock import now
from conversions.cli.days import PurchaseMonth, PurchaseSince, PurchaseUntil, purchase_days
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, ReasonOption, load_settings
from conversions.cli.output import counted, say, show_json
from conversions.errors import Usage

if TYPE_CHECKING:
    from conversions.audit.period import PeriodReport
    from conversions.catalogue import Language
    from conversions.settings import Settings

ENDINGS = (".html", ".csv")


def report(
    *,
    month: PurchaseMonth = None,
    since: PurchaseSince = None,
    until: PurchaseUntil = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", metavar="FILE", help="New file: a page (.html) or a table of orders (.csv)."),
    ] = None,
    as_of: Annotated[
        Literal["end", "now"],
        typer.Option("--as-of", help="How orders stood at the end of the last day, or stand now."),
    ] = "end",
    language: Annotated[Literal["da", "en"], typer.Option("--lang", help="Language of the report.")] = "en",
    reason: ReasonOption = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show what became of a month's purchases: orders and money by destination, day and outcome.

    Reasons that say what a buyer has chosen are one figure, so the report can be passed on. A table (.csv) names the
    orders: it is readable by its owner only, and this look is recorded; `audit looks` lists it.
    """
    from conversions.audit import period
    from conversions.audit.period import PeriodQuestion, records
    from conversions.catalogue import Language
    from conversions.cli.month_report_text import show_report

    _check_ending(out)
    settings = load_settings(config)
    question = PeriodQuestion(*purchase_days(settings, month, since, until), as_of_now=as_of == "now")
    found = period.report(settings, now, question)
    if out is not None:
        _write(out, found, settings, Language(language), reason)
    if as_json:
        show_json(document(records.document(found, settings.timezone, Language(language)), LATEST))
    elif out is None:
        show_report(found, settings.timezone, Language(language))


def _check_ending(out: Path | None) -> None:
    if out is not None and out.suffix.lower() not in ENDINGS:
        raise Usage(f"-o: {out.name} is neither a page nor a table. Use .html or .csv.")


def _write(out: Path, found: "PeriodReport", settings: "Settings", language: "Language", reason: str | None) -> None:
    from conversions.audit.evidence.export import new_file, write_csv
    from conversions.audit.period import page, records

    with new_file(out) as file:
        if out.suffix.lower() == ".html":
            file.write(page.page(found, settings.zone, language).encode())
            written = "1 page"
        else:
            _record_look(found, settings, reason)
            rows = (records.record(row, found, language) for row in found.rows)
            write_csv(records.columns(found), rows, file)
            written = counted(len(found.rows), "row")
    say(f"{out}: {written}.")


def _record_look(found: "PeriodReport", settings: "Settings", reason: str | None) -> None:
    from conversions.audit import looks
    from conversions.ledger.subjects.access_log import Look, LookKind

    about = f"csv, {found.since}, {found.until}"
    looks.record(settings, now, [Look(LookKind.EXPORT, reason or "report", about=about)])
