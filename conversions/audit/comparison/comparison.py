"""A comparison of a platform's totals with the log's: what the causes allow, and what nothing explains."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from conversions import catalogue
from conversions.audit.comparison.causes import Cause, Effect
from conversions.audit.comparison.log_totals import LogTotals, Total
from conversions.audit.comparison.platform_totals import PlatformTotals
from conversions.errors import Exit
from conversions.ledger.states import SENT, State

ROUNDING = Decimal(1)
"""A report rounds: a difference below one event, or below one unit of the currency, is none."""


class EventsSpan(NamedTuple):
    """How many events the platform may show, both limits included."""

    least: int
    most: int


class ValueSpan(NamedTuple):
    """Which value the platform may show, both limits included."""

    least: Decimal
    most: Decimal | None
    """None: the value of some events is no longer known."""


def holds(span: EventsSpan | ValueSpan, shown: Decimal) -> bool:
    """Return whether *shown* is within *span*, but for rounding."""
    return span.least - shown < ROUNDING and (span.most is None or shown - span.most < ROUNDING)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison, of one destination and some purchase days."""

    destination: str
    platform: PlatformTotals
    log: LogTotals
    causes: tuple[Cause, ...]
    timezone: str
    """The shop's."""
    account_timezone: str
    month_ended: bool

    @property
    def currency(self) -> str | None:
        """The currency in which values can be compared; None: the orders have several, or another one."""
        found = [*self.log.sent.values]
        single = found[0] if len(found) == 1 else None if found else self.platform.currency
        return single if self.platform.currency in {None, single} else None

    @property
    def events_span(self) -> EventsSpan:
        """How many events the log and the causes explain."""
        excluded, fewer, more = (self._events(effect) for effect in (Effect.NOT_COUNTED, Effect.FEWER, Effect.MORE))
        counted = self.log.sent.events - excluded
        return EventsSpan(max(0, counted - fewer), counted + more)

    @property
    def value_span(self) -> ValueSpan | None:
        """Which value they explain; None where values cannot be compared."""
        currency = self.currency
        if currency is None:
            return None
        counted = self.log.sent.value(currency) - self._value(currency, Effect.NOT_COUNTED)
        more = [cause.total for cause in self.causes if cause.effect is Effect.MORE]
        most = counted + self._value(currency, Effect.HIGHER) + sum((each.value(currency) for each in more), Decimal())
        least = max(Decimal(), counted - self._value(currency, Effect.LOWER) - self._value(currency, Effect.FEWER))
        return ValueSpan(least, None if any(each.value_unknown for each in more) else most)

    @property
    def events_explained(self) -> bool:
        """Whether the causes explain the number of events."""
        return holds(self.events_span, self.platform.events)

    @property
    def value_explained(self) -> bool | None:
        """Whether they explain the value; None where it was not given or cannot be compared."""
        span = self.value_span
        return None if self.platform.value is None or span is None else holds(span, self.platform.value)

    @property
    def explained(self) -> bool:
        """Whether nothing is left for a person to find out."""
        return self.events_explained and self.value_explained is not False

    @property
    def exit_code(self) -> Exit:
        """1 where a difference is left that the usual causes do not explain."""
        return Exit.OK if self.explained else Exit.ATTENTION

    def _events(self, effect: Effect) -> int:
        return sum(cause.total.events for cause in self.causes if cause.effect is effect)

    def _value(self, currency: str, effect: Effect) -> Decimal:
        return sum((cause.total.value(currency) for cause in self.causes if cause.effect is effect), Decimal())


def facts(comparison: Comparison) -> dict[str, Any]:
    """What the log's entry says; amounts are decimal texts. No fact is about a person."""
    platform, log = comparison.platform, comparison.log
    return {
        "destination": comparison.destination,
        "since": log.period.since.isoformat(),
        "until": log.period.until.isoformat(),
        "month_ended": comparison.month_ended,
        "timezone": comparison.timezone,
        "account_timezone": comparison.account_timezone,
        "by_click_date": platform.by_click_date,
        "platform": {
            "events": _text(platform.events),
            "value": _text(platform.value),
            "currency": platform.currency,
            "file_sha256": platform.file_sha256,
            "columns": [*platform.columns],
        },
        "log": {
            "sent": _total(log.sent),
            "states": {state: _total(log.of(state)) for state in sorted((*SENT, State.UNKNOWN, State.ERASED))},
        },
        "explained_events": [*comparison.events_span],
        "explained_value": comparison.value_span and [_text(limit) for limit in comparison.value_span],
        "causes": [{"cause": cause.code, "effect": cause.effect, **_total(cause.total)} for cause in comparison.causes],
        "explained": comparison.explained,
    }


def document(comparison: Comparison, entry: int) -> dict[str, Any]:
    """The comparison for programs: what the log has of it, differences, and the words of each cause."""
    stated = facts(comparison)
    words = [catalogue.text("comparison", cause["cause"]) for cause in stated["causes"]]
    causes = [{**cause, "sentence": said} for cause, said in zip(stated["causes"], words, strict=True)]
    span, currency, value = comparison.value_span, comparison.currency, comparison.platform.value
    return {
        "entry": entry,
        **stated,
        "causes": causes,
        "currency": currency,
        "difference": {
            "events": _text(comparison.platform.events - comparison.log.sent.events),
            "value": None if value is None or currency is None else _text(value - comparison.log.sent.value(currency)),
        },
        "value_compared": value is not None and span is not None,
        "exit_code": int(comparison.exit_code),
    }


def _total(total: Total) -> dict[str, Any]:
    return {
        "events": total.events,
        "values": {currency: _text(value) for currency, value in total.values.items()},
        "value_unknown": total.value_unknown,
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"
