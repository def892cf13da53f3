"""The approved disclosure policy in the store."""

from dataclasses import replace

from sqlalchemy import Connection, select

from conversions.disclosure.policy import Policy, parse_policy
from conversions.ledger.runs import Run, runs
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger

PIN = "policy"
"""Name of the binding that holds the SHA-256 of the approved policy."""


def approved(ledger: Ledger) -> Policy | None:
    """The approved policy, or None before the first run, which records its own policy."""
    with ledger.transaction() as connection:
        return approved_in(connection)


def approved_in(connection: Connection) -> Policy | None:
    """``approved``, inside a transaction; in a store of an older program version, the policy of the last run."""
    pinned = connection.execute(select(tables.pin.c.value).where(tables.pin.c.name == PIN)).scalar()
    digest = pinned or connection.execute(runs.last_run(tables.run.c.policy)).scalar()
    body = connection.execute(select(tables.document.c.body).where(tables.document.c.sha256 == digest)).scalar()
    return parse_policy(body, "the approved policy") if body else None


def under(ledger: Ledger, run: Run, policy: Policy) -> Run:
    """Return *run* for a request under another *policy* than the shop's, and store its text for auditors."""
    with ledger.transaction() as connection:
        digest = runs.store_document(connection, "policy", policy.text)
    return replace(run, policy=digest, policy_version=policy.version)


def paths(policy: Policy) -> list[str]:
    """The paths that the policy allows: destination, path, shape and class, sorted."""
    return sorted(
        f"{kind} {field.path} ({field.shape}, {field.class_})"
        for kind in ("google", "meta")
        for field in policy.listings(kind)
    )
