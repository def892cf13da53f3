"""``conversions audit withheld``: which orders of some purchase days did not go, why, and on which nights."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli.clock import now
from conversions.cli.days import PurchaseMonth, PurchaseSince, PurchaseUntil, purchase_days
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, ReasonOption, load_settings
from conversions.cli.output import counted, say, show_json
from conversions.cli.withheld_text import show_report

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from conversions.audit.withheld import WithheldReport


def list_withheld(
    *,
    month: PurchaseMonth = None,
    since: PurchaseSince = None,
    until: PurchaseUntil = None,
    destination: Annotated[
        str | None, typer.Option("--destination", metavar="NAME", help="Only orders at this destination.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write the orders to a new file that only its owner can read."),
    ] = None,
    reason: ReasonOption = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the orders of some purchase days that were withheld, refused or quarantined, each once at each destination.

    The days are days of purchase; first and last night are those of the runs that judged an order so and read it so
    last, whenever that was. Orders that were sent later stand apart. The answer comes from the history of judgements,
    which the log binds, and from no settings of today. Of orders that are erased or past retention only counts are
    left; before the upgrade to schema 0008 a store kept no history. This look is recorded; `audit looks` lists it.
    """
    from conversions.audit import withheld
    from conversions.audit.withheld import PurchaseDays, records

    settings = load_settings(config)
    days = PurchaseDays(*purchase_days(settings, month, since, until), destination)
    report = withheld.report(settings, now, days, reason or "audit")
    if csv is not None:
        _write(csv, report, settings.zone)
    if as_json:
        show_json(document(records.document(report, settings.zone), LATEST))
    else:
        show_report(report, settings.zone, in_file=csv is not None)


def _write(path: Path, report: "WithheldReport", zone: "ZoneInfo") -> None:
    from conversions.audit.evidence.export import new_file, write_csv
    from conversions.audit.withheld import records

    with new_file(path) as file:
        write_csv([*records.COLUMNS], (records.row(order, zone) for order in report.orders), file)
    say(f"{path}: {counted(len(report.orders), 'row')}.")
