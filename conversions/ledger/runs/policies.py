"""The approved disclosure policy. Under any other policy a run sends nothing until an operator approves it."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from conversions.disclosure.policy import Policy, parse_policy
from conversions.errors import SettingsError, Usage
from conversions.ledger import log
from conversions.ledger.runs import runs
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger

PIN = "policy"
"""Name of the binding that holds the SHA-256 of the approved policy."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Name of the person who approves a policy change, and the reason."""

    by: str
    reason: str


def approved(ledger: Ledger) -> Policy | None:
    """The approved policy, or None before the first run, which records its own policy."""
    with ledger.transaction() as connection:
        digest = _approved_digest(connection)
        query = select(tables.document.c.body).where(tables.document.c.sha256 == digest)
        body = connection.execute(query).scalar() if digest else None
    return parse_policy(body, "the approved policy") if body else None


def check_approval(ledger: Ledger, policy: Policy) -> None:
    """Raise SettingsError where *policy* is not the approved one."""
    with ledger.transaction() as connection:
        digest = _approved_digest(connection)
    if digest not in {None, policy.sha256}:
        raise SettingsError(
            f"The disclosure policy (version {policy.version}) is not the one that was approved: nothing is sent. "
            "`conversions policy diff` shows what changed; then `conversions policy approve --by NAME --reason TEXT`."
        )


def record_policy(ledger: Ledger, policy: Policy) -> None:
    """Record the first run's policy as the approved one."""
    with ledger.transaction() as connection:
        if connection.execute(select(tables.pin).where(tables.pin.c.name == PIN)).first() is None:
            runs.store_document(connection, "policy", policy.text)
            _pin(connection, ledger.now_us, policy)
            facts = {"policy": policy.sha256, "version": policy.version}
            log.append(connection, "policy recorded", ledger.now_us, facts, epoch=ledger.epoch)


def approve(ledger: Ledger, policy: Policy, approval: Approval) -> Policy:
    """Replace the approved policy with *policy*, log both and their differences, and return the former one.

    Raises Usage where no policy is approved yet, nothing changed, or the new text has the old version number.
    """
    old = approved(ledger)
    if old is None:
        raise Usage("No policy is approved yet: the first `conversions run` records its own.")
    if old.sha256 == policy.sha256:
        raise Usage(f"Version {old.version} is the approved policy already; nothing was changed.")
    if old.version == policy.version:
        raise Usage(f"The changed policy still has version {old.version}; give it a new version, then approve it.")
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
    """The paths that the policy allows: destination, path, shape and class, sorted."""
    return sorted(
        f"{kind} {field.path} ({field.shape}, {field.class_})"
        for kind in ("google", "meta")
        for field in policy.listings(kind)
    )


def _approved_digest(connection: Connection) -> str | None:
    """The digest in the binding; in a store of an older program version, the policy of the last run."""
    pinned = connection.execute(select(tables.pin.c.value).where(tables.pin.c.name == PIN)).scalar()
    last = select(tables.run.c.policy).order_by(tables.run.c.id.desc()).limit(1)
    return pinned or connection.execute(last).scalar()


def _pin(connection: Connection, now_us: int, policy: Policy) -> None:
    new = {"value": policy.sha256, "since_us": now_us}
    changed = connection.execute(update(tables.pin).where(tables.pin.c.name == PIN).values(**new))
    if not changed.rowcount:
        connection.execute(insert(tables.pin).values(name=PIN, **new))
