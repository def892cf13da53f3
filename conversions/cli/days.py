"""The days that a person types: ``yesterday``, ``-7d``, ``2026-11``, ``2026-11-29``, ``29-11-2026``.

A number of two digits before a month is always the day: in this shop's country ``01-11-2026`` is 1 November.
"""

import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli import clock
from conversions.cli.output import say
from conversions.errors import Usage
from conversions.model.run_request import in_words, not_come, today

if TYPE_CHECKING:
    from conversions.settings import Settings

NO_DAY = "Write the day as 2026-11-29."
FORMS = "2026-11-29, 29-11-2026, 2026-11, yesterday, -7d or last-month"
RunSince = Annotated[
    str | None,
    typer.Option("--since", metavar="DAY", help=f"First purchase day: {FORMS}. Alone: to yesterday, or a whole month."),
]
RunUntil = Annotated[
    str | None, typer.Option("--until", metavar="DAY", help="Last purchase day. Alone: this day (or month) only.")
]
Since = Annotated[str | None, typer.Option("--since", metavar="DAY", help=f"First day: {FORMS}.")]
Until = Annotated[str | None, typer.Option("--until", metavar="DAY", help="Last day. Alone: from the beginning.")]
PurchaseMonth = Annotated[
    str | None, typer.Option("--month", metavar="MONTH", help="Month of purchase: 2026-10 or last-month.")
]
PurchaseSince = Annotated[
    str | None,
    typer.Option("--since", metavar="DAY", help=f"First purchase day: {FORMS}. Alone: to today, or a whole month."),
]
PurchaseUntil = Annotated[str | None, typer.Option("--until", metavar="DAY", help="Last purchase day.")]

Span = tuple[date, date]
"""The first and the last day."""

_AGO = re.compile(r"[-\u2212\u2013]?(\d{1,4})([dw])", re.ASCII)
_MONTH = re.compile(r"(?:(?P<y>\d{4})[-./](?P<m>\d{1,2})|(?P<m2>\d{1,2})[-./](?P<y2>\d{4}))", re.ASCII)
_DAY = re.compile(
    r"(?P<y>\d{4})(?P<mark>[-./])(?P<m>\d{1,2})(?P=mark)(?P<d>\d{1,2})"
    r"|(?P<d2>\d{1,2})(?P<mark2>[-./])(?P<m2>\d{1,2})(?P=mark2)(?P<y2>\d{4})",
    re.ASCII,
)


def parse(option: str, text: str, present: date) -> Span:
    """Return the first and the last day that *text* means; a day is both.

    Raises Usage, which names *option*, for anything else.
    """
    word = text.strip().lower()
    try:
        if span := _named(word, present) or _dated(word):
            return span
    except (ValueError, OverflowError):  # there is no such day
        pass
    raise Usage(f"{option}: {NO_DAY}")


def one_day(option: str, text: str, present: date) -> date:
    """Return the one day that *text* means. Raises Usage, which names *option*, for a month and for anything else."""
    first, last = parse(option, text, present)
    if first != last:
        raise Usage(f"{option}: {NO_DAY}")
    return first


def end_of_day(option: str, text: str, settings: "Settings") -> datetime:
    """Return the last instant of the day that *text* means, in the shop's zone. Raises Usage where it has not come."""
    present = _today(settings)
    day = one_day(option, text, present)
    if day > present:
        raise Usage(not_come(day, day, present))
    return datetime.combine(day, time.max.replace(fold=1), settings.zone)


def purchase_days(settings: "Settings", month: str | None, since: str | None, until: str | None) -> Span:
    """Return the purchase days of a question about the past; --since alone means to today, or a whole month.

    Raises Usage where they are not named once, are in the wrong order, or none of them has come yet.
    """
    present = _today(settings)
    if (month is None) == (since is None) or (month is not None and until is not None):
        raise Usage("Name the purchase days once: --month 2026-10, or --since DAY --until DAY.")
    if month is not None:
        first, last = parse("--month", month, present)
        if (first, last) != _month(first.replace(day=1)):
            raise Usage("--month: Write the month as 2026-10.")
    else:
        first, end = parse("--since", since or "", present)
        last = parse("--until", until, present)[1] if until else end if end > first else max(first, present)
    if last < first:
        raise Usage(f"--until ({in_words(last)}) lies before --since ({in_words(first)}). Exchange them.")
    if first > present:
        raise Usage(not_come(first, last, present))
    return first, last


def run_days(settings: "Settings", since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """Return the purchase days of a run or plan as typed: a month alone is that month."""
    first, last = _typed(settings, "--since", since), _typed(settings, "--until", until)
    if first is not None and last is None:
        return first[0], _ended(settings, first) if first[1] > first[0] else None
    if last is not None and first is None:
        return last[0], _ended(settings, last) if last[1] > last[0] else last[1]
    return first and first[0], last and last[1]


def entry_days(settings: "Settings", since: str, until: str) -> Span:
    """Return the days of log entries, and print them. Raises Usage where none of them has come yet."""
    present = _today(settings)
    first, last = parse("--since", since, present)[0], parse("--until", until, present)[1]
    attempt_days(settings, first.isoformat(), last.isoformat())
    return first, last


def attempt_days(settings: "Settings", since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """Return the days of attempts, and print them; without one of them there is no limit on that side.

    Raises Usage where none of these days has come yet.
    """
    typed, until_typed = _typed(settings, "--since", since), _typed(settings, "--until", until)
    first, last = typed and typed[0], until_typed and until_typed[1]
    if typed and typed[0] < typed[1] and last is None:
        last = typed[1]
    present = _today(settings)
    if first is not None and first > present:
        raise Usage(not_come(first, last or first, present))
    if first is not None or last is not None:
        say_days(settings, first, last)
    return first, last


def say_days(settings: "Settings", first: date | None, last: date | None) -> None:
    """Print on stderr which days are meant, with the month in words."""
    if first is None or last is None:
        days = f"from {in_words(first)}" if first else f"to {in_words(last)}" if last else "all"
    else:
        days = in_words(first) if first == last else f"{in_words(first)} to {in_words(last)}"
    say(f"Days: {days} ({settings.timezone}).")


def _typed(settings: "Settings", option: str, text: str | None) -> Span | None:
    return None if text is None else parse(option, text, _today(settings))


def _ended(settings: "Settings", span: Span) -> date:
    """Return the last day of *span* that has ended; its last day where none has."""
    yesterday = _today(settings) - timedelta(days=1)
    return min(span[1], yesterday) if span[0] <= yesterday else span[1]


def _today(settings: "Settings") -> date:
    return today(settings.zone, clock.now())


def _named(word: str, present: date) -> Span | None:
    """Return the days of a word that counts from *present*."""
    if word in {"today", "yesterday"}:
        day = present - timedelta(days=word == "yesterday")
        return day, day
    if word in {"last-month", "last month"}:
        return _month((present.replace(day=1) - timedelta(days=1)).replace(day=1))
    if word in {"last-week", "last week"}:
        monday = present - timedelta(days=present.weekday() + 7)
        return monday, monday + timedelta(days=6)
    if ago := _AGO.fullmatch(word):
        day = present - timedelta(days=int(ago[1]) * (7 if ago[2] == "w" else 1))
        return day, day
    return None


def _dated(word: str) -> Span | None:
    """Return the day, or the days of the month. Raises ValueError where there is no such day."""
    if match := _DAY.fullmatch(word):
        day = date(*(int(match[name] or match[f"{name}2"]) for name in "ymd"))
        return day, day
    if match := _MONTH.fullmatch(word):
        return _month(date(int(match["y"] or match["y2"]), int(match["m"] or match["m2"]), 1))
    return None


def _month(first: date) -> Span:
    return first, first.replace(day=monthrange(first.year, first.month)[1])
