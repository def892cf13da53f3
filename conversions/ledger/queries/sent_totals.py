"""What one destination was sent, by purchase day, in counts and in money: for a comparison with its own totals."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, text

from conversions.ledger.batches.parts import has_place
from conversions.ledger.schema import tables
from conversions.ledger.schema.sql import IS_PRESENT_EVENT
from conversions.ledger.states import SENT, UNANSWERED, State
from conversions.model.conversion import Money, Reason
from conversions.model.receipt import Outcome

_SUMS = """
    CAST(sum({1}) AS BIGINT) AS events, CAST(sum({0} >> 32) AS BIGINT) AS high,
    CAST(sum({0} & 4294967295) AS BIGINT) AS low
"""
"""Money in two parts, because the sum of a misread column may not fit 64 bits."""
_SENT = ", ".join(f"'{state}'" for state in sorted(SENT))
_GIVEN_UP = f"""
    {{0}}.state IN ({", ".join(f"'{state}'" for state in sorted(UNANSWERED))})
    OR {{0}}.state = '{State.WITHHELD}' AND {{0}}.reason = '{Reason.MAYBE_RECEIVED}'
"""
_MAYBE = f"""
    ({_GIVEN_UP} OR {{0}}.first_attempt_us IS NOT NULL AND {{0}}.state NOT IN ({_SENT}, '{State.ERASED}'))
"""
"""No conclusive answer came, nor one since. Retention keeps of this only the state and the reason."""
_STATE = f"CASE WHEN {{0}} THEN '{State.UNKNOWN}' ELSE {{1}}.state END AS state"
_OF_DAYS = "{0}.destination = :destination AND {0}.day BETWEEN :first AND :last"
_ORDERS = text(f"""
    SELECT d.day, {_STATE.format(_MAYBE.format("d"), "d")}, d.value_currency AS currency,
    d.value_exponent AS exponent, {_SUMS.format("d.value_minor", "1")} FROM delivery d WHERE {_OF_DAYS.format("d")}
    AND (d.state IN ({_SENT}) OR {_MAYBE.format("d")} OR d.state = '{State.ERASED}' AND d.attempted = 1)
    GROUP BY 1, 2, 3, 4
""")
_COUNTS = text(f"""
    SELECT h.day, {_STATE.format(_GIVEN_UP.format("h"), "h")}, h.currency, h.exponent,
    {_SUMS.format("h.minor", "h.orders")}
    FROM history h WHERE {_OF_DAYS.format("h")}
    AND (h.state IN ({_SENT}) OR {_GIVEN_UP.format("h")} OR h.state = '{State.ERASED}') GROUP BY 1, 2, 3, 4
""")
"""What retention has reduced to counts; it keeps the values that the source stated."""
_ATTEMPTS = text(f"""
    SELECT d.value_currency AS currency, d.value_exponent AS exponent, {_SUMS.format("d.value_minor", "1")}
    FROM delivery d JOIN event e ON {IS_PRESENT_EVENT} JOIN request_part p ON {has_place("p", "e.place")}
    JOIN request r ON r.id = p.request WHERE {_OF_DAYS.format("d")}
    AND (r.outcome IS NULL OR r.outcome = '{Outcome.UNKNOWN}') GROUP BY 1, 2
""")
_RESTATED = text(f"""
    SELECT v.new_currency AS currency, v.new_exponent AS exponent,
    {_SUMS.format("abs(v.new_minor - v.old_minor)", "1")}
    FROM revision v JOIN delivery d ON d.id = v.delivery WHERE {_OF_DAYS.format("d")}
    AND (v.state IN ('{State.RECEIVED}', '{State.UNKNOWN}', '{State.IN_FLIGHT}') OR v.unconfirmed <> 0)
    AND CASE v.state WHEN '{State.RECEIVED}' THEN v.old_minor > v.new_minor ELSE v.new_minor > v.old_minor END = :higher
    GROUP BY 1, 2
""")
"""A received restatement counts with its new value, so the other value is the old one; else it is the new one."""


class Sum(NamedTuple):
    """Events and their total value."""

    events: int
    value: Money | None
    """None: erased, so the value is no longer known."""


class DaySum(NamedTuple):
    """Orders of one purchase day in one state."""

    day: date
    state: State
    """A state in which the platform has the order; ``unknown``: it may have it; ``erased``: it may have had it."""
    sum: Sum


@dataclass(frozen=True, slots=True)
class Days:
    """Purchase days of one destination, both included; in the shop's zone."""

    destination: int
    first: date
    last: date


def destination_number(connection: Connection, name: str) -> int | None:
    """Return the number of the destination *name*; None where nothing was ever staged for it."""
    destination = tables.destination.c
    return connection.execute(select(destination.id).where(destination.name == name)).scalar()


def sent_by_day(connection: Connection, days: Days) -> list[DaySum]:
    """Return what the platform has or may have, each order once, with the value that was sent last."""
    rows = [row for query in (_ORDERS, _COUNTS) for row in connection.execute(query, _limits(days))]
    return [DaySum(date.fromisoformat(row.day), State(row.state), _sum(row)) for row in rows]


def unanswered_attempts(connection: Connection, days: Days) -> list[Sum]:
    """Return each attempt to send one of these orders that no conclusive answer followed."""
    return [*_sums(connection, _ATTEMPTS, days)]


def restated(connection: Connection, days: Days, *, higher: bool) -> list[Sum]:
    """Return the restated orders whose other value is *higher* than the one that counts here, or lower; and by what."""
    return [*_sums(connection, _RESTATED, days, higher=higher)]


def _sums(connection: Connection, query: Any, days: Days, **more: object) -> Iterator[Sum]:
    yield from map(_sum, connection.execute(query, _limits(days) | more))


def _limits(days: Days) -> dict[str, object]:
    return {"destination": days.destination, "first": days.first.isoformat(), "last": days.last.isoformat()}


def _sum(row: Row[Any]) -> Sum:
    if row.currency is None or row.high is None or getattr(row, "state", None) == State.ERASED:
        return Sum(row.events, None)
    return Sum(row.events, Money((row.high << 32) + row.low, row.currency, row.exponent))
