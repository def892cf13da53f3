"""Approvals of the disclosure policy and of the sending rules. What is not approved is not sent.

The first run records both as they are. Under any other policy or rule a run sends nothing until a person approves it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select, update

from conversions.catalogue import APPROVE
from conversions.disclosure.policy import Policy
from conversions.errors import LedgerError, SettingsError, Usage
from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.runs import approval_history, policies, runs, sending_rules
from conversions.ledger.runs.approval_history import How
from conversions.ledger.runs.sending_rules import Changes, Seal, SendingRules
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger
from conversions.model.subject import holds_address, is_readable
from conversions.process.operator import operator
from conversions.settings import Settings

PIN = "rules"
"""Name of the binding that holds the SHA-256 of the approved rules."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Name of the person who approves, and the reason."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the settings and the policy file say now."""

    policy: Policy
    rules: SendingRules
    seal: Seal
    approver: str | None
    """Who approves the first settings, by the settings themselves; None: no person is named."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What a person must approve before anything is sent; false where there is nothing."""

    policy: tuple[str, str] | None
    """Approved version, and version of the file."""
    rules: Changes

    def __bool__(self) -> bool:
        return bool(self.policy or self.rules)

    @property
    def rule_lines(self) -> list[str]:
        """Old and new value of each changed rule, for people."""
        return [sending_rules.change_in_words(name, *values) for name, values in self.rules.items()]

    @property
    def sentence(self) -> str:
        """The refusal of a run, with every change and the commands."""
        changed = "\n  ".join([*self._policy_lines, *self.rule_lines])
        return (
            "What decides who or what may be sent has changed, and nobody has approved it: nothing is sent.\n"
            f"  {changed}\n"
            f"Put the old values back; or see the effect with `conversions plan`, and approve all of it with {APPROVE}."
        )

    @property
    def _policy_lines(self) -> list[str]:
        match self.policy:
            case None:
                return []
            case old, new if old == new:
                return [
                    f"policy: version {old} has another text, see `conversions policy diff`; it needs a new version"
                ]
            case old, new:
                return [f"policy: version {old} → {new}, see `conversions policy diff`"]

    def json(self) -> dict[str, Any]:
        """Old and new values, for programs."""
        rules = {name: {"old": old, "new": new} for name, (old, new) in self.rules.items()}
        return {"policy": dict(zip(("old", "new"), self.policy, strict=True)) if self.policy else None, "rules": rules}


def propose(settings: Settings, policy: Policy, exclusions: str | None) -> Proposal:
    """Return what would be sent by; *exclusions* describes the addresses that are left out, without an address.

    Raises SettingsError where ``privacy.approved_by`` is no name.
    """
    rules, approver = sending_rules.present_rules(settings, exclusions), settings.privacy.approved_by or None
    if approver and (holds_address(approver) or not is_readable(approver)):
        raise SettingsError("privacy.approved_by is no name of a person. Write one: the log keeps it in clear.")
    return Proposal(policy, rules, sending_rules.seal(settings), approver)


def pending(ledger: Ledger, proposal: Proposal) -> Pending:
    """Return what a person must approve; before the first run there is nothing."""
    with ledger.transaction() as connection:
        policy, rules = policies.approved_in(connection), _approved_rules(connection, proposal.seal)
    versions = (policy.version, proposal.policy.version) if policy else None
    return Pending(
        None if policy is None or policy.sha256 == proposal.policy.sha256 else versions,
        {} if rules is None else sending_rules.changes(rules, proposal.rules),
    )


def check(ledger: Ledger, proposal: Proposal) -> None:
    """Raise SettingsError, with old and new, where a person must approve something first."""
    if changed := pending(ledger, proposal):
        raise SettingsError(changed.sentence)


def check_route(ledger: Ledger, settings: Settings) -> None:
    """Raise SettingsError where requests would take a way that is not approved: for what asks and sends no events."""
    seal = sending_rules.seal(settings)
    with ledger.transaction() as connection:
        rules = _approved_rules(connection, seal)
    new = sending_rules.present_rules(settings, None)
    changes_by_rule = sending_rules.changes(new if rules is None else rules, new)
    if changed := {name: values for name, values in changes_by_rule.items() if name in sending_rules.ROUTE}:
        raise SettingsError(Pending(None, changed).sentence)


def record(ledger: Ledger, proposal: Proposal) -> None:
    """Record what the run sends by where no approval has: in a first run, after an upgrade, for a new destination.

    The run has begun, and ``pending`` was false.
    """
    with ledger.transaction() as connection:
        bound, how = _pins(connection), _how(connection)
        if PIN in bound:
            how = How.NEW_DESTINATION
        approver = proposal.approver if how is How.FIRST_RUN else None
        step = _Step(ledger, "recorded", {"how": how, "by": approver, "operator": operator()})
        if policies.PIN not in bound:
            runs.store_document(connection, "policy", proposal.policy.text)
            facts = {"policy": proposal.policy.sha256, "version": proposal.policy.version}
            step.bind(connection, policies.PIN, proposal.policy.sha256, facts)
        old, new = _old_and_new_rules(connection, proposal)
        if PIN not in bound or old != new:
            _store_rules(connection, step, old, new)


def approve(ledger: Ledger, proposal: Proposal, approval: Approval) -> Pending:
    """Approve the policy and the rules of *proposal*, log old and new of each change, and return the changes.

    It also approves what the first run recorded without a person. Raises Usage where persons have
    approved all of it already, or the new policy text has the old version number.
    """
    changed, allowed = pending(ledger, proposal), approval_history.current(ledger, proposal.seal)
    if changed.policy and changed.policy[0] == changed.policy[1]:
        version = changed.policy[0]
        raise Usage(f"The changed policy still has version {version}; give it a new version, then approve it.")
    if not changed and allowed.by_persons and allowed.rules.keys() >= proposal.rules.keys():
        raise Usage(f"Policy {proposal.policy.version} and every rule are approved already; nothing was changed.")
    by = {"by": approval.by, "reason": approval.reason, "operator": operator()}
    step = _Step(ledger, "approved", by)
    with ledger.transaction() as connection:
        if changed.policy or not (allowed.policy_entry and allowed.policy_entry.by):
            runs.store_document(connection, "policy", proposal.policy.text)
            facts = _policy_change(allowed.policy, proposal.policy)
            step.bind(connection, policies.PIN, proposal.policy.sha256, facts)
        _store_rules(connection, step, *_old_and_new_rules(connection, proposal))
    return changed


class _Step:
    """One record or approval: its entries have the same instant and say who made them."""

    def __init__(self, ledger: Ledger, verb: str, by: Mapping[str, str | None]) -> None:
        self._epoch, self._at_us, self._verb, self._by = ledger.epoch, ledger.now_us, verb, by

    def bind(self, connection: Connection, name: str, digest: str, facts: Mapping[str, Any]) -> None:
        """Bind the store to a document, and log *facts* about it."""
        new = {"value": digest, "since_us": self._at_us}
        this = tables.pin.c.name == name
        with bound.changed(connection, "pin", this) as known:
            connection.execute(update(tables.pin).where(this).values(**new))
        if not known:
            connection.execute(insert(tables.pin).values(name=name, **new))
            bound.bind(connection, "pin", this)
        log.append(connection, f"{name} {self._verb}", self._at_us, {**facts, **self._by}, epoch=self._epoch)


def _policy_change(old: Policy | None, new: Policy) -> dict[str, Any]:
    old_paths, new_paths = policies.paths(old) if old else [], policies.paths(new)
    return {
        "old": old.sha256 if old else None,
        "old_version": old.version if old else None,
        "new": new.sha256,
        "new_version": new.version,
        "added": [path for path in new_paths if path not in old_paths],
        "removed": [path for path in old_paths if path not in new_paths],
    }


def _old_and_new_rules(connection: Connection, proposal: Proposal) -> tuple[SendingRules, SendingRules]:
    old = _approved_rules(connection, proposal.seal) or {}
    return old, sending_rules.merged(old, proposal.rules)


def _store_rules(connection: Connection, step: _Step, old: SendingRules, new: SendingRules) -> None:
    """Store the rules, and log the values that differ."""
    former = _pins(connection).get(PIN)
    digest = runs.store_document(connection, "rules", orjson.dumps(new, option=orjson.OPT_SORT_KEYS).decode())
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    changed = {name: {"old": old.get(name), "new": new.get(name)} for name in names}
    step.bind(connection, PIN, digest, {"old": former, "new": digest, "changed": changed})


def _approved_rules(connection: Connection, seal: Seal) -> SendingRules | None:
    """The rules in the binding; in a store of a release without approvals, those of the last run; None: there are none.

    A run that was killed before it recorded its rules has sent nothing, so its rules do not count.
    """
    _check_bindings(connection)
    digest = _pins(connection).get(PIN)
    if digest is None and _is_upgraded(connection):
        digest = connection.execute(runs.last_run(tables.run.c.settings)).scalar()
    document = connection.execute(select(tables.document).where(tables.document.c.sha256 == digest)).one_or_none()
    if document is None:
        return None
    rules: SendingRules = orjson.loads(document.body)
    return rules if document.kind == "rules" else sending_rules.rules_of(document.body, seal)


def _check_bindings(connection: Connection) -> None:
    """Raise LedgerError where a binding is not what the log says: without it, the next run would be a first run."""
    bound = _pins(connection)
    for name in (policies.PIN, PIN):
        logged = approval_history.last_digest(connection, name)
        if logged and bound.get(name) != logged:
            raise LedgerError(
                f"The store's approved {name} is not what its log says, so the store was changed by hand: nothing is"
                " sent. `conversions audit verify` says what differs; then restore a backup with `conversions restore`."
            )


def _is_upgraded(connection: Connection) -> bool:
    entry = select(tables.leaf.c.seq).where(tables.leaf.c.body.contains('"kind":"upgraded"')).limit(1)
    return connection.execute(entry).first() is not None


def _how(connection: Connection) -> How:
    """How a run records what it sends by: as the first run, or as the first one after an upgrade."""
    runs_so_far = connection.execute(select(func.count()).where(tables.run.c.command == "run")).scalar_one()
    return How.UPGRADE if runs_so_far > 1 and _is_upgraded(connection) else How.FIRST_RUN


def _pins(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(tables.pin))}
