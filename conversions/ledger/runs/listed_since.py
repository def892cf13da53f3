"""The first purchase day of a path that an approved policy version added: earlier purchases go without it."""

import json
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from conversions.disclosure.policy import Policy, parse_policy
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant

_KINDS = ("policy approved", "policy recorded")


class Listed(NamedTuple):
    """A path of the disclosure policy."""

    kind: str
    """``google`` or ``meta``."""
    path: str


def first_day(ledger: Ledger, policy: Policy, listed: Listed, zone: ZoneInfo) -> date | None:
    """Return the first purchase day, in *zone*, for which *listed* may leave; None where *policy* does not list it.

    A version is in force from its ``effective`` day, and not before the day of its approval. Newer versions that go on
    listing the path do not begin anew. A policy that nobody approved yet is approved by the first run, so today.
    """
    if not policy.lists(*listed):
        return None
    first = max(policy.effective, ledger.clock().astimezone(zone).date())
    for version, at_us in _approved(ledger):
        if not version.lists(*listed):
            break
        first = min(first, max(version.effective, instant(at_us).astimezone(zone).date()))
    return first


def _approved(ledger: Ledger) -> Iterator[tuple[Policy, int]]:
    """Yield the approved policies and the times of their approval, microseconds UTC, newest first."""
    leaf, document = tables.leaf, tables.document
    named = or_(*(leaf.c.body.contains(f'"kind":"{kind}"', autoescape=True) for kind in _KINDS))
    with ledger.transaction() as connection:
        bodies = connection.scalars(select(leaf.c.body).where(named).order_by(-leaf.c.seq)).all()
        policies = select(document.c.sha256, document.c.body).where(document.c.kind == "policy")
        texts = {row.sha256: row.body for row in connection.execute(policies)}
    for entry in map(json.loads, bodies):
        digest = entry.get("new") or entry.get("policy")
        if digest not in texts:
            return
        yield parse_policy(texts[digest], "an approved policy"), entry["t"]
