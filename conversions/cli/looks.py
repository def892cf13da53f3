"""``conversions audit looks``: who looked at a person, an order or the sent data."""

import re
from datetime import datetime, time
from typing import Annotated

import typer

from conversions import catalogue
from conversions.cli.clock import now
from conversions.cli.days import Since, attempt_days
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import show, show_json, show_table


def list_looks(
    *,
    by: Annotated[
        str | None, typer.Option("--by", metavar="USER", help="Only looks of this user: a name or a number (uid).")
    ] = None,
    since: Since = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List who looked at a person, an order or the sent data, when and why; the newest last.

    Looks are kept as long as payloads: privacy.retention_days.
    """
    from conversions.ledger import open_read_only
    from conversions.ledger.subjects import access_log

    settings = load_settings(config)
    day, _ = attempt_days(settings, since, None)
    first = datetime.combine(day, time(), settings.zone) if day else None
    with open_read_only(settings, now) as ledger:
        looks = [look for look in access_log.looks(ledger, first) if by is None or by in _words(look.operator)]
    if as_json:
        names = ("look", "at", "operator", "kind", "about", "purpose", "case")
        values = ((k.id, k.at, k.operator, k.kind, k.about, k.purpose, k.case) for k in looks)
        show_json([dict(zip(names, value, strict=True)) for value in values])
    elif looks:
        rows = [
            (
                f"{look.at.astimezone(settings.zone):%Y-%m-%d %H:%M}",
                look.operator,
                f"{catalogue.text('looks', look.kind)} {look.about or ''}".rstrip(),
                catalogue.text("purposes", look.purpose),
                look.case,
            )
            for look in looks
        ]
        show_table((f"time ({settings.zone})", "by", "looked at", "why", "case"), rows)
    else:
        show("No look is recorded.")


def _words(operator: str) -> set[str]:
    """The names and numbers of the users that *operator* names."""
    return set(re.findall(r"[^\s(),]+", operator))
