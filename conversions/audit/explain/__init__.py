"""The life of an order as statements: whether each destination has it, and why not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, select

from conversions.audit import looks
from conversions.audit.explain.headline import headline
from conversions.audit.explain.history import history
from conversions.audit.explain.next_step import next_steps
from conversions.audit.explain.past import past_standing
from conversions.audit.explain.statement import OrderAtDestination, Statement
from conversions.delivery.open_queue import resend_us
from conversions.ledger import Clock, open_read_only
from conversions.ledger.queries import order_life, order_search
from conversions.ledger.queries.order_life import OrderLife, UnreadableRow
from conversions.ledger.queries.order_search import Match
from conversions.ledger.schema import tables
from conversions.ledger.store import instant, run_lock
from conversions.ledger.subjects.access_log import Look, LookKind
from conversions.run.runtime import DestinationRules, build_runtime
from conversions.settings import Settings

__all__ = ["Explanation", "Question", "Statement", "explain"]


@dataclass(frozen=True, slots=True)
class AtDestination:
    """The statements about an order at one destination; the first one answers "is it there?"."""

    name: str
    state: str | None
    """None where no run has read the order for it."""
    reason: str | None
    detail: str | None
    statements: list[Statement]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The statements about one order."""

    asked: str
    order_no: str | None
    """The number in the store; None where it has none, several, or an erased order."""
    statements: list[Statement]
    destinations: list[AtDestination] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks about orders, and why."""

    asked: Sequence[str]
    """Order numbers."""
    purpose: str
    case: str | None = None
    on: datetime | None = None
    """At which instant they stood so; None: now."""


def explain(settings: Settings, clock: Clock, question: Question) -> list[Explanation]:
    """Explain the orders of *question*, after the look at them is recorded.

    Raises LedgerError where it cannot be recorded, and SettingsError where settings and store do not fit.
    """
    runtime = build_runtime(settings)
    with open_read_only(settings, clock) as ledger, ledger.transaction() as connection:
        matches = order_search.find(connection, settings.shop, question.asked)
        erased = order_search.erased(connection, [match.sale for match in matches if match.sale])
    sales = [None if match.sale in erased else match.sale for match in matches]
    looks.record(settings, clock, [Look(LookKind.ORDER, question.purpose, question.case, sale=sale) for sale in sales])
    with open_read_only(settings, clock) as ledger, ledger.transaction() as connection:
        reading = _Reading(connection, settings, clock(), runtime.destinations, question)
        return [reading.explanation(match) for match in matches]


class _Reading:
    """One reading of the store, for all orders of one command."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        now: datetime,
        destinations: Sequence[DestinationRules],
        question: Question,
    ) -> None:
        self._connection, self._settings, self._now, self._on = connection, settings, now, question.on
        self._rules = {rules.name: rules for rules in destinations}
        self._under_way = run_lock.is_held(settings)
        self._unreadable = order_life.unreadable_rows(connection, question.asked)

    def explanation(self, match: Match) -> Explanation:
        """Explain what was found under one number."""
        if match.sale is None:
            return Explanation(match.asked, None, list(self._not_found(match)))
        life = order_life.order_life(self._connection, match.sale)
        if life.erased:  # and nothing else
            erased = Statement("erased", {"at": life.erased_at}) if life.erased_at else Statement("erased_before")
            return Explanation(match.asked, None, [erased])
        if self._on and life.first_run and life.first_run.at > self._on:
            return Explanation(match.asked, life.order_no, [self._heading(life, self._on), Statement("past_not_read")])
        destinations = [self._at(life, name) for name in self._names(life)]
        if self._on:
            return Explanation(match.asked, life.order_no, [self._heading(life, self._on)], destinations)
        return Explanation(match.asked, life.order_no, list(self._order(match, life)), destinations)

    def _not_found(self, match: Match) -> Iterator[Statement]:
        if match.several:
            yield Statement("several", {"orders": list(match.several)})
            return
        rows = self._unreadable.get(match.asked, [])
        days = order_life.days_read(self._connection)
        if rows:
            yield from map(_unreadable, rows)
            yield Statement("unreadable_do")
        elif not days:
            yield Statement("nothing_read")
        else:
            yield Statement("never_read")
            if orders := order_search.near(self._connection, self._settings.shop, match.asked):
                yield Statement("near", {"orders": orders})
            yield Statement("days_read", {"spans": days})
        if kept_from := order_life.kept_from(self._connection):
            yield Statement("deleted_before", {"day": kept_from, "n": self._settings.privacy.retention_days})
        yield from self._lost()

    def _order(self, match: Match, life: OrderLife) -> Iterator[Statement]:
        if match.former_until:
            yield Statement("former", {"asked": match.asked, "at": match.former_until, "order": life.order_no})
        elif match.asked.strip() != life.order_no:
            yield Statement("matched", {"order": life.order_no})
        first, last = life.first_run, life.last_run
        if last:
            facts = {"day": date.fromisoformat(max(d.row.day for d in life.deliveries)), "run": last.id, "at": last.at}
            facts["source"] = last.source or "unknown"
            if first and first.id != last.id:
                yield Statement("read_since", facts | {"first_run": first.id, "first_at": first.at})
            else:
                yield Statement("read" if first else "read_last", facts)
        yield from map(_unreadable, self._unreadable.get(match.asked, []))
        yield from self._lost()

    def _lost(self) -> Iterator[Statement]:
        """An older copy was restored: the store does not have what happened meanwhile."""
        head = self._connection.execute(select(tables.head.c.lost_from_us, tables.head.c.lost_until_us)).one_or_none()
        if head and head.lost_from_us and head.lost_until_us:
            yield Statement("lost", {"since": instant(head.lost_from_us), "until": instant(head.lost_until_us)})

    def _heading(self, life: OrderLife, on: datetime) -> Statement:
        day = date.fromisoformat(max(d.row.day for d in life.deliveries))
        return Statement("past_heading", {"day": day, "on": on.astimezone(self._settings.zone).date()})

    def _names(self, life: OrderLife) -> list[str]:
        return list(dict.fromkeys([*self._rules, *(delivery.destination for delivery in life.deliveries)]))

    def _at(self, life: OrderLife, name: str) -> AtDestination:
        rules = self._rules.get(name)
        delivery = next((d for d in life.deliveries if d.destination == name), None)
        if delivery is None:
            day = date.fromisoformat(life.deliveries[0].row.day) if life.deliveries else self._now.date()
            return AtDestination(name, None, None, None, [Statement("not_read_there", {"name": name, "day": day})])
        window = resend_us(rules.destination, rules.settings) if rules else 0
        order = OrderAtDestination(self._connection, life.order_no, delivery, rules, window, self._now, self._under_way)
        if self._on:
            past = past_standing(order, self._on)
            return AtDestination(name, past.state, past.reason, None, past.statements)
        statements = [headline(order), *history(order), *next_steps(order)]
        return AtDestination(name, delivery.row.state, delivery.row.reason, delivery.row.detail, statements)


def _unreadable(row: UnreadableRow) -> Statement:
    facts = {"run": row.run.id, "at": row.run.at, "place": row.place, "reason": row.reason}
    return Statement("unreadable_field" if row.field else "unreadable", facts | {"field": row.field or ""})
