"""Which disclosure policy a person has approved: under another one nothing is sent until somebody approves it, too."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from conversions.disclosure.policy import Policy, parse_policy
from conversions.errors import SettingsError, Usage
from conversions.ledger import log
from conversions.ledger.runs import runs
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger

PIN = "policy"


@dataclass(frozen=True, slots=True)
class Approval:
    """A change of policy, and who answers for it."""

    by: str
    reason: str


def approved(ledger: Ledger) -> Policy | None:
    """The policy that may be sent under, or None before the first run, which records its own."""
    with ledger.transaction() as connection:
        digest = _approved_digest(connection)
        held = select(tables.document.c.body).where(tables.document.c.sha256 == digest)
        body = connection.execute(held).scalar() if digest else None
    return parse_policy(body, "the approved policy") if body else None


def check(ledger: Ledger, policy: Policy) -> None:
    """Raise SettingsError where *policy* is not the approved one."""
    with ledger.transaction() as connection:
        digest = _approved_digest(connection)
    if digest not in {None, policy.sha256}:
        raise SettingsError(
            f"The disclosure policy (version {policy.version}) is not the one that was approved: nothing is sent. "
            "`conversions policy diff` shows what changed; then `conversions policy approve --by NAME --reason TEXT`."
        )


def record(ledger: Ledger, policy: Policy) -> None:
    """The first run's policy is the first approved one."""
    with ledger.transaction() as connection:
        if connection.execute(select(tables.pin).where(tables.pin.c.name == PIN)).first() is None:
            runs.store_document(connection, "policy", policy.text)
            _pin(connection, ledger.now_us, policy)
            facts = {"policy": policy.sha256, "version": policy.version}
            log.append(connection, "policy recorded", ledger.now_us, facts, epoch=ledger.epoch)


def approve(ledger: Ledger, policy: Policy, approval: Approval) -> Policy:
    """Put *policy* in the place of the approved one, which is returned; both are in the log, with what differs.

    Raises Usage where nothing was approved yet, nothing changed, or the new text has the old version's name.
    """
    old = approved(ledger)
    if old is None:
        raise Usage("No policy is approved yet: the first run records the one it leaves under. `conversions run`.")
    if old.sha256 == policy.sha256:
        raise Usage(f"Version {old.version} is the approved policy already; nothing was changed.")
    if old.version == policy.version:
        raise Usage(f"The changed policy is still called {old.version}; give it a version of its own, then approve it.")
    with ledger.transaction() as connection:
        now = ledger.now_us
        runs.store_document(connection, "policy", policy.text)
        _pin(connection, now, policy)
        facts = {
            "old": old.sha256,
            "old_version": old.version,
            "new": policy.sha256,
            "new_version": policy.version,
            "added": [path for path in paths(policy) if path not in paths(old)],
            "removed": [path for path in paths(old) if path not in paths(policy)],
            "by": approval.by,
            "reason": approval.reason,
            "operator": runs.operator(),
        }
        log.append(connection, "policy approved", now, facts, epoch=ledger.epoch)
    return old


def paths(policy: Policy) -> list[str]:
    """What may leave under it: destination and path with its shape and class, sorted."""
    return sorted(
        f"{kind} {one.path} ({one.shape}, {one.class_})" for kind in ("google", "meta") for one in policy.listings(kind)
    )


def _approved_digest(connection: Connection) -> str | None:
    """What is pinned; in a store of a program that did not pin it yet, what the last run left under."""
    pinned = connection.execute(select(tables.pin.c.value).where(tables.pin.c.name == PIN)).scalar()
    last = select(tables.run.c.policy).order_by(tables.run.c.id.desc()).limit(1)
    return pinned or connection.execute(last).scalar()


def _pin(connection: Connection, now_us: int, policy: Policy) -> None:
    new = {"value": policy.sha256, "since_us": now_us}
    changed = connection.execute(update(tables.pin).where(tables.pin.c.name == PIN).values(**new))
    if not changed.rowcount:
        connection.execute(insert(tables.pin).values(name=PIN, **new))
