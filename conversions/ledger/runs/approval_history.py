"""What was allowed at a time, and who approved it, by the log's entries and the store's documents.

Stores of releases before the approval of rules know what each run sent under, and name no person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, or_, select

from conversions.disclosure.policy import Policy, parse_policy
from conversions.ledger.runs.sending_rules import Seal, rules_of
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, microseconds

KINDS = ("policy recorded", "policy approved", "rules recorded", "rules approved")


class How(StrEnum):
    """How a policy or a rule came into force."""

    APPROVED = "approved"
    FIRST_RUN = "first_run"
    """The first run recorded it; somebody is named where the settings name the person who approves them."""
    UPGRADE = "upgrade"
    """The first run after an upgrade took it over from the last run before."""
    NEW_DESTINATION = "new_destination"
    """A run recorded the rules of a destination that it used for the first time."""
    RUN = "run"
    """A run of an earlier release used it; approvals were not recorded then."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change, or one approval."""

    at_us: int
    subject: str
    """``policy`` or ``rules``."""
    how: How
    digest: str
    """SHA-256 of the document."""
    by: str | None
    operator: str | None
    reason: str | None = None

    @property
    def open(self) -> bool:
        """Whether no person has approved it."""
        return self.by is None and self.how is not How.UPGRADE

    @property
    def approver(self) -> str:
        """Who approved it, for people."""
        return self.by or ("upgrade" if self.how is How.UPGRADE else "nobody")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What was allowed from one instant on."""

    policy: Policy | None = None
    policy_entry: Entry | None = None
    rules: dict[str, tuple[Any, Entry]] = field(default_factory=dict)
    """By name: the value, and the entry by which it is in force."""

    @property
    def unapproved(self) -> list[str]:
        """``policy`` and the names of rules that no person has approved."""
        policy = ["policy"] if self.policy_entry and self.policy_entry.open else []
        return policy + [name for name, (_, entry) in self.rules.items() if entry.open]

    @property
    def by_persons(self) -> bool:
        """Whether a person has approved everything."""
        of_rules = [entry.by for _, entry in self.rules.values()]
        return bool(self.policy_entry and self.policy_entry.by and of_rules and all(of_rules))


def current(ledger: Ledger, seal: Seal) -> Allowed:
    """Return what is allowed now."""
    return history(ledger, seal)[-1][1]


def history(ledger: Ledger, seal: Seal) -> list[tuple[int, Allowed]]:
    """Return what was allowed from each instant on (microseconds UTC), in their order; the first has nothing."""
    with ledger.transaction() as connection:
        states, documents = [(0, Allowed())], _Documents(connection, seal)
        for entry in _entries(connection):
            at_us, before = states[-1]
            after = _apply(before, entry, documents)
            states[-1:] = [(at_us, after)] if at_us == entry.at_us else [(at_us, before), (entry.at_us, after)]
    return states


def on_day(states: Sequence[tuple[int, Allowed]], day: date, zone: ZoneInfo) -> list[tuple[int, Allowed]]:
    """Return what was allowed at some time of *day*, of the result of ``history``."""
    starts, ends = (microseconds(datetime.combine(each, time.min, zone)) for each in (day, day + timedelta(days=1)))
    before = [state for state in states if state[0] <= starts][-1:]
    return [*before, *(state for state in states if starts < state[0] < ends)]


def last_digest(connection: Connection, subject: str) -> str | None:
    """Return the digest of the document that *subject* (``policy`` or ``rules``) has by the log; None: by no entry."""
    body = tables.leaf.c.body
    kinds = or_(*(body.contains(f'"kind":"{kind}"') for kind in KINDS if kind.startswith(subject)))
    newest = connection.scalars(select(body).where(kinds).order_by(tables.leaf.c.seq.desc()).limit(1)).first()
    return _logged(orjson.loads(newest)).digest if newest else None


def _entries(connection: Connection) -> list[Entry]:
    """Return every entry, in their order; runs before the first entry of a subject count as one."""
    body = tables.leaf.c.body
    kinds = or_(*(body.contains(f'"kind":"{kind}"', autoescape=True) for kind in KINDS))
    bodies = connection.scalars(select(body).where(kinds).order_by(tables.leaf.c.seq))
    logged = [_logged(orjson.loads(text)) for text in bodies]
    run = tables.run.c
    used = select(run.started_us, run.policy, run.settings.label("rules"), run.operator).where(run.command == "run")
    runs = connection.execute(used.order_by(run.id)).all()
    before = [*_of_runs(runs, "policy", logged), *_of_runs(runs, "rules", logged)]
    return sorted([*before, *logged], key=lambda entry: entry.at_us)


def _logged(facts: dict[str, Any]) -> Entry:
    subject, _, verb = facts["kind"].partition(" ")
    how = How.APPROVED if verb == "approved" else How(facts.get("how", How.FIRST_RUN))
    digest = facts["new"] if verb == "approved" or subject == "rules" else facts["policy"]
    return Entry(facts["t"], subject, how, digest, facts.get("by"), facts.get("operator"), facts.get("reason"))


def _of_runs(runs: Sequence[Any], subject: str, logged: Sequence[Entry]) -> Iterator[Entry]:
    """The runs that used another document than the run before, until the log has an entry of *subject*."""
    first = next((entry for entry in logged if entry.subject == subject), None)
    earlier = [run for run in runs if first is None or run.started_us < first.at_us]
    if first and first.how is not How.APPROVED:
        earlier = earlier[:-1]  # the last one recorded it
    last = None
    for run in earlier:
        digest = getattr(run, subject)
        if digest != last:
            yield Entry(run.started_us, subject, How.RUN, digest, None, run.operator)
        last = digest


class _Documents:
    """Policies and rules by the digest of their document."""

    def __init__(self, connection: Connection, seal: Seal) -> None:
        rows = connection.execute(select(tables.document)).all()
        self._bodies = {row.sha256: (row.kind, row.body) for row in rows}
        self._seal = seal

    def policy(self, digest: str) -> Policy:
        return parse_policy(self._bodies[digest][1], "a policy in the store")

    def rules(self, digest: str) -> dict[str, Any]:
        kind, body = self._bodies[digest]
        rules: dict[str, Any] = rules_of(body, self._seal) if kind == "settings" else orjson.loads(body)
        return rules


def _apply(before: Allowed, entry: Entry, documents: _Documents) -> Allowed:
    if entry.subject == "policy":
        return replace(before, policy=documents.policy(entry.digest), policy_entry=entry)
    rules = {}
    for name, value in documents.rules(entry.digest).items():
        old, by = before.rules.get(name, (None, None))
        stays = by is not None and old == value and (by.by is not None or entry.how in {How.NEW_DESTINATION, How.RUN})
        rules[name] = (old, by) if stays and by is not None else (value, entry)
    return replace(before, rules=rules)
