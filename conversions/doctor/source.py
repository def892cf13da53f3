"""What a run would make of the source: whether it can be read, a sample of it, and times without offset."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from secrets import token_bytes

from conversions.doctor.check_result import CheckResult, Level, note, ok, problem, stopped
from conversions.errors import ConversionsError
from conversions.intake.naive_times import naive_times
from conversions.intake.sample import Sample, read_sample
from conversions.intake.sources import open_source
from conversions.intake.sources.advice import advice, cause
from conversions.intake.sources.base import Source
from conversions.intake.sources.unparsed import UnparsedValues
from conversions.ledger import Clock
from conversions.model.conversion import Reason, Window
from conversions.settings import Settings, SqlSource

FEW = 3
"""Orders; that fewer are all held back says nothing of the mapping."""


def source(settings: Settings, now: Clock) -> Iterator[CheckResult]:
    """The source can be read, has every mapped column, and says what a run understands."""
    today = now().astimezone(settings.zone).date()
    try:
        opened = open_source(
            settings.source, zone=settings.zone, resolve=settings.resolve, clock=now, key=token_bytes(32)
        )
        opened.check()
        found = list(_sample(opened, Window(today - timedelta(days=settings.lookback_days), today)))
    except ConversionsError as error:
        yield stopped("source", error)
        return
    if all(each.level is not Level.PROBLEM for each in found):
        yield ok("source", f"{opened.description} can be read and has every mapped column.")
    yield from found
    if isinstance(settings.source, SqlSource):
        yield from _times(settings, settings.source, today)


def _sample(source: Source, window: Window) -> Iterator[CheckResult]:
    """What would not be read, or not be sent. Raises SourceError."""
    found = read_sample(source, window)
    if not found.orders and found.days:
        # Nothing of these days is there: what is there tells as much of the mapping.
        since, until = min(found.days), max(found.days)
        yield note("source", f"No order of {window.since} to {window.until} is there, only of {since} to {until}.")
        found = read_sample(source, Window(since, until))
    yield from _unreadable(found, source.unparsed)
    yield from _held_back(found, source.unparsed)


def _unreadable(found: Sample, unread: UnparsedValues) -> Iterator[CheckResult]:
    bad = found.unreadable + Counter(
        {
            (Reason.AMBIGUOUS_AMOUNT, column): n
            for column, n in found.ambiguous.items()
            if column not in found.decimal_columns
        }
    )
    nothing_left = bad.total() >= found.rows
    for (reason, column), rows in bad.most_common():
        told = f"{rows} of {found.rows} rows cannot be read: {cause(unread, reason, column)}."
        yield _finding(told, advice(unread, reason, column), is_problem=nothing_left)


def _held_back(found: Sample, unread: UnparsedValues) -> Iterator[CheckResult]:
    nothing_left = found.sendable == 0 and found.orders >= FEW
    for reason, orders in found.withheld.most_common():
        told = f"{orders} of {found.orders} orders would be held back: {cause(unread, reason)}."
        yield _finding(told, advice(unread, reason), is_problem=nothing_left)


def _finding(told: str, next_: str | None, *, is_problem: bool) -> CheckResult:
    """A problem where nothing would be sent."""
    return problem("source", told, next_) if is_problem else note("source", told, next_)


def _times(settings: Settings, source: SqlSource, today: date) -> Iterator[CheckResult]:
    """No finding where every time has an offset; only a person who knows the shop can say which reading is right."""
    try:
        readings, utc = naive_times(settings, source, today)
    except ConversionsError:
        return
    if readings:
        yield _reading(source, readings, utc=utc)


def _reading(source: SqlSource, readings: list[str], *, utc: bool) -> CheckResult:
    """Open until a setting or the column's own type says which."""
    taken = "the second" if utc else "the first"
    sentence = (
        f"Purchase times have no offset. The newest, if they are the shop's or if they are UTC: {'; '.join(readings)}. "
        f"They are read as {taken}."
    )
    if source.naive_times or utc:
        return ok("source", sentence)
    return note(
        "source", sentence, 'Compare with the shop\'s own list of orders; set source.naive_times to "shop" or "utc".'
    )
