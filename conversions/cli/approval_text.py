"""What is allowed and who approved it, as text and as a document."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from conversions.cli.output import show, show_table
from conversions.cli.report import approved_by_nobody
from conversions.disclosure.policy import Policy
from conversions.ledger.runs import sending_rules
from conversions.ledger.runs.approval_history import Allowed, Entry, How
from conversions.ledger.store import instant

HOW = {
    How.APPROVED: "",
    How.FIRST_RUN: " (the first run recorded it)",
    How.UPGRADE: " (taken over from the last run before it)",
    How.NEW_DESTINATION: " (a run used a new destination)",
    How.RUN: " (a run of an earlier release used it, and no approval was recorded)",
}


def show_allowed(allowed: Allowed, zone: ZoneInfo, *, paths: bool = True) -> None:
    """Print the sentence, the paths unless *paths* is false, the rules, and what no person has approved."""
    policy, entry = allowed.policy, allowed.policy_entry
    if policy is None or entry is None:
        show("Nothing was recorded yet.")
        return
    show(f"Version {policy.version}, in effect since {policy.effective}, quoted from {policy.quoted_from}")
    show(f"SHA-256 {policy.sha256}, {_approval(entry, zone)}")
    show(f"“{policy.quote}”")
    for kind in ("google", "meta") if paths else ():
        show()
        rows = [[listing.class_, listing.path, listing.shape, listing.what] for listing in policy.listings(kind)]
        show_table([kind, "path", "shape", "what"], sorted(rows))
    show()
    rules = [
        [name, sending_rules.in_words(value), each.approver, _when(each.at_us, zone), each.reason]
        for name, (value, each) in allowed.rules.items()
    ]
    show_table(["rule", "value", "approved by", "on", "reason"], rules)
    if allowed.unapproved:
        show()
        show(approved_by_nobody(allowed.unapproved))


def show_states(states: Sequence[tuple[int, Allowed]], zone: ZoneInfo) -> None:
    """Print what was allowed from each instant on; paths only where the policy is another one."""
    former = None
    for at_us, allowed in states:
        show()
        show(f"In force since {_when(at_us, zone)}:" if at_us else "Before the first run:")
        show_allowed(allowed, zone, paths=allowed.policy != former)
        former = allowed.policy


def changes(states: Sequence[tuple[int, Allowed]], zone: ZoneInfo) -> Iterator[str]:
    """Yield the lines about every change and approval, the oldest first."""
    for (_, before), (at_us, after) in pairwise(states):
        if after.policy and after.policy_entry and after.policy_entry is not before.policy_entry:
            yield f"{_when(at_us, zone)}  policy {after.policy.version}, {_approval(after.policy_entry)}"
        entry = next((each for _, each in after.rules.values() if each.at_us == at_us), None)
        old, new = ({name: value for name, (value, _) in state.rules.items()} for state in (before, after))
        names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name)) if old else []
        if entry or names:
            count = len(names) or len(new)
            by = f", {_approval(entry)}" if entry else ""
            yield f"{_when(at_us, zone)}  {count} rule{'s' * (count > 1)}{by}"
        for name in names:
            yield f"    {sending_rules.change_in_words(name, old.get(name), new.get(name))}"


def document(allowed: Allowed, zone: ZoneInfo) -> dict[str, Any]:
    """Return the same for programs; days and times are in the shop's zone."""
    rules = {
        name: {"value": value, **_approval_document(entry, zone)} for name, (value, entry) in allowed.rules.items()
    }
    return {
        **(_policy_document(allowed.policy) if allowed.policy else {"version": None}),
        **(_approval_document(allowed.policy_entry, zone) if allowed.policy_entry else {}),
        "rules": rules,
        "unapproved": allowed.unapproved,
    }


def local_time(at_us: int, zone: ZoneInfo) -> datetime | None:
    """Return an instant in the shop's zone; None for 0, which is before the first run."""
    return instant(at_us).astimezone(zone) if at_us else None


def _when(at_us: int, zone: ZoneInfo) -> str | None:
    at = local_time(at_us, zone)
    return f"{at:%Y-%m-%d %H:%M}" if at else None


def _approval(entry: Entry, zone: ZoneInfo | None = None) -> str:
    on = f" on {_when(entry.at_us, zone)}" if zone and entry.at_us else ""
    typed = f", typed by {entry.operator}" if entry.reason and entry.operator else ""
    reason = f", reason: {entry.reason}" if entry.reason else ""
    return f"approved by {entry.approver}{on}{HOW[entry.how]}{typed}{reason}"


def _policy_document(policy: Policy) -> dict[str, Any]:
    listings = {
        kind: [listing.model_dump(mode="json", by_alias=True) for listing in policy.listings(kind)]
        for kind in ("google", "meta")
    }
    return {
        "version": policy.version,
        "effective": policy.effective,
        "quoted_from": policy.quoted_from,
        "quote": policy.quote,
        "sha256": policy.sha256,
        **listings,
    }


def _approval_document(entry: Entry, zone: ZoneInfo) -> dict[str, Any]:
    on = local_time(entry.at_us, zone)
    return {"approved_by": entry.by, "how": entry.how, "on": on, "operator": entry.operator, "reason": entry.reason}
