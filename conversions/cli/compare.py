"""``conversions audit compare``: the platform's own totals beside the log's."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from conversions.cli import clock
from conversions.cli.days import parse
from conversions.cli.options import AsJson, Config, ReasonOption, load_settings
from conversions.errors import Usage
from conversions.model.conversion import Window
from conversions.model.run_request import not_come, today

if TYPE_CHECKING:
    from conversions.audit.comparison.platform_totals import PlatformTotals
    from conversions.settings import Settings

NO_MONTH = "--month: write the month as 2026-11."


def compare_totals(
    *,
    destination: Annotated[
        str | None, typer.Option("--destination", metavar="NAME", help="The destination of the settings.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", metavar="MONTH", help="The month of purchase: 2026-11, last-month.")
    ] = None,
    events: Annotated[str | None, typer.Option("--events", metavar="N", help="How many the platform shows.")] = None,
    value: Annotated[str | None, typer.Option("--value", metavar="X", help="The value that it shows.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Its report as CSV, in place of --events and --value.")
    ] = None,
    row: Annotated[
        str | None, typer.Option("--row", metavar="NAME", help="Of the CSV, the conversion action or event.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="The zone of the account; default: the shop's.")
    ] = None,
    by_click_date: Annotated[
        bool, typer.Option("--by-click-date", help="Google: --events is not of columns (by conv. time).")
    ] = False,
    reason: ReasonOption = None,
    list_former: Annotated[bool, typer.Option("--list", help="List the comparisons in the log.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Compare a month's sales in the log with what the platform itself shows.

    What was sent past the log can be seen only there. Of Google, take "All conv. (by conv. time)" of the conversion
    action; of Meta, "Events received" of Purchase. The comparison is an entry of the log. Exit 1: a difference that
    the usual causes do not explain.
    """
    from conversions.audit.comparison.compare import ComparisonQuestion, compare
    from conversions.cli import compare_text

    settings = load_settings(config)
    if list_former:
        return compare_text.show_former(settings, as_json=as_json)
    name, period = _destination(settings, destination), _month(settings, month)
    zone = ZoneInfo(_zone(timezone or settings.timezone))
    totals = _totals(settings.destinations[name].kind, period, events, value, csv, row, by_click_date)
    comparison, entry = compare(settings, clock.now, ComparisonQuestion(name, period, zone, reason), totals)
    if as_json:
        compare_text.show_document(comparison, entry)
    else:
        compare_text.show_comparison(comparison, entry, settings)
    return comparison.exit_code


def _destination(settings: "Settings", name: str | None) -> str:
    if name is None and len(settings.destinations) == 1:
        return next(iter(settings.destinations))
    if name not in settings.destinations:
        raise Usage(f"Add --destination, one of {', '.join(settings.destinations)}.")
    return name


def _month(settings: "Settings", text: str | None) -> Window:
    present = today(settings.zone, clock.now())
    if text is None:
        raise Usage(NO_MONTH)
    try:
        first, last = parse("--month", text, present)
    except Usage:
        raise Usage(NO_MONTH) from None
    if first.day != 1 or last == first:
        raise Usage(NO_MONTH)
    if first > present:
        raise Usage(not_come(first, last, present))
    return Window(first, last)


def _zone(name: str) -> str:
    from conversions.settings.values import zone_name

    try:
        return zone_name(name)
    except ValueError as error:
        raise Usage(f"--timezone: {error}.") from None


def _totals(
    kind: str,
    period: Window,
    events: str | None,
    value: str | None,
    csv: Path | None,
    row: str | None,
    by_click_date: bool,
) -> "PlatformTotals":
    from conversions.audit.comparison.export_file import ExportQuestion, read_totals
    from conversions.audit.comparison.platform_totals import typed

    if csv is not None:
        if events is not None or value is not None or by_click_date:
            raise Usage(
                "--csv has the totals and says how they are dated: leave out --events, --value, --by-click-date."
            )
        return read_totals(csv, ExportQuestion(kind, period, row))
    if events is None:
        raise Usage("Say what the platform shows: --events N, and --value X where you have it, or --csv FILE.")
    if row is not None or (by_click_date and kind != "google"):
        raise Usage("--row is for --csv, and --by-click-date for Google: Meta dates events by their own time.")
    return typed(events, value, by_click_date=by_click_date)
