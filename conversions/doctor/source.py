"""Checks of the source: it can be read, a sample of its orders can be sent, and times without offset."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from secrets import token_bytes

from conversions.catalogue import APPROVE
from conversions.disclosure.policy import load_policy
from conversions.doctor.cart_data import disclosed_cart
from conversions.doctor.check_result import CheckLevel, CheckResult, note, ok, problem, stopped
from conversions.doctor.shop_systems import check_shop_system
from conversions.errors import ConversionsError, Exit, SettingsError
from conversions.intake.naive_times import naive_times
from conversions.intake.sample import Sample, read_sample
from conversions.intake.sources import open_source
from conversions.intake.sources.advice import advice, cause
from conversions.intake.sources.base import Source
from conversions.intake.sources.files.source import Files
from conversions.intake.sources.unparsed import UnparsedValues
from conversions.ledger import Clock
from conversions.model.conversion import Reason, Window
from conversions.model.rules import CartRules
from conversions.settings import Settings, SqlSource
from conversions.transport.route import open_route

MIN_ORDERS = 3
"""Fewer orders, all held back, are no evidence of a wrong mapping."""


def check_source(settings: Settings, now: Clock) -> Iterator[CheckResult]:
    """Check that the source can be read, has every mapped column, and has values that a run can read."""
    today = now().astimezone(settings.zone).date()
    try:
        source = open_source(
            settings.source,
            zone=settings.zone,
            resolve=settings.resolve,
            clock=now,
            key=token_bytes(32),
            route=open_route(settings),
        )
        source.check()
        window = Window(today - timedelta(days=settings.lookback_days), today)
        results = list(_check_sample(source, window, _cart(settings)))
        results += check_shop_system(settings, source)
    except ConversionsError as error:
        yield stopped("source", error)
        return
    results += [problem("source", sentence, exit_code=Exit.ATTENTION) for sentence in source.refused_files()]
    if all(result.level is not CheckLevel.PROBLEM for result in results):
        has = "" if settings.source.reads_changes else " and has every mapped column"
        yield ok("source", f"{source.description} can be read{has}.")
    yield from results
    if isinstance(source, Files):
        yield from _copies(source)
    if isinstance(settings.source, SqlSource):
        yield from _naive_times(settings, settings.source, today)


def _cart(settings: Settings) -> CartRules:
    """Return what may be sent of products; a policy that cannot be read has its own check."""
    try:
        return disclosed_cart(settings, load_policy(settings.resolve(settings.privacy.policy)))
    except SettingsError:
        return CartRules()


def _check_sample(source: Source, window: Window, cart: CartRules) -> Iterator[CheckResult]:
    """Report rows that cannot be read and orders that would be held back. Raises SourceError."""
    sample = read_sample(source, window, cart)
    if not sample.orders and sample.days:
        # The window is empty; orders of other days test the mapping as well.
        since, until = min(sample.days), max(sample.days)
        yield note("source", f"There is no order from {window.since} to {window.until}, only from {since} to {until}.")
        sample = read_sample(source, Window(since, until), cart)
    yield from _unreadable(sample, source.unparsed)
    yield from _held_back(sample, source.unparsed)


def _unreadable(sample: Sample, unparsed: UnparsedValues) -> Iterator[CheckResult]:
    unreadable = sample.unreadable + Counter(
        {
            (Reason.AMBIGUOUS_AMOUNT, column): n
            for column, n in sample.ambiguous.items()
            if column not in sample.decimal_columns
        }
    )
    nothing_left = unreadable.total() >= sample.rows
    for (reason, column), rows in unreadable.most_common():
        sentence = f"{rows} of {sample.rows} rows cannot be read: {cause(unparsed, reason, column)}"
        sentence += "" if sentence.endswith("?") else "."
        yield _result(sentence, advice(unparsed, reason, column), is_problem=nothing_left)


def _held_back(sample: Sample, unparsed: UnparsedValues) -> Iterator[CheckResult]:
    nothing_left = sample.sendable == 0 and sample.orders >= MIN_ORDERS
    for reason, orders in sample.withheld.most_common():
        sentence = f"{orders} of {sample.orders} orders would be held back: {cause(unparsed, reason)}."
        yield _result(sentence, advice(unparsed, reason), is_problem=nothing_left)


def _result(sentence: str, next_: str | None, *, is_problem: bool) -> CheckResult:
    return problem("source", sentence, next_) if is_problem else note("source", sentence, next_)


def _copies(source: Files) -> Iterator[CheckResult]:
    for name, original in source.copies.items():
        yield note("source", f"{name} has the same bytes as {original}, so only {original} is read.")


def _naive_times(settings: Settings, source: SqlSource, today: date) -> Iterator[CheckResult]:
    """Show both readings of times without offset, because only a person who knows the shop can choose."""
    try:
        readings, utc = naive_times(settings, source, today)
    except ConversionsError:
        return
    if readings:
        yield _reading(source, readings, utc=utc)


def _reading(source: SqlSource, readings: list[str], *, utc: bool) -> CheckResult:
    """A note, or ok where a setting or the column's type decides how to read them."""
    taken = "the second" if utc else "the first"
    sentence = (
        f"Purchase times have no offset. The newest, read in the shop's zone or as UTC: {'; '.join(readings)}. "
        f"They are read as {taken}."
    )
    if source.naive_times or utc:
        return ok("source", sentence)
    return note(
        "source",
        sentence,
        f'Compare with the shop\'s own list of orders; set source.naive_times to "shop" or "utc", then {APPROVE}.',
    )
