"""Checks that a person has approved the policy and the rules of sending."""

from collections.abc import Iterator
from contextlib import suppress

from conversions.catalogue import APPROVE
from conversions.disclosure.policy import load_policy
from conversions.doctor.check_result import CheckResult, note, ok, problem, stopped
from conversions.errors import ConversionsError
from conversions.intake.exclusions import load_exclusions
from conversions.ledger import Clock, Ledger, open_read_only
from conversions.ledger.runs import approval_history, approvals
from conversions.ledger.runs.approval_history import Allowed
from conversions.ledger.runs.approvals import Proposal
from conversions.settings import Settings


def check_approvals(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    """Report what is not approved; a change that a run would refuse is a problem.

    A key, policy or store that cannot be read is the result of other checks.
    """
    try:
        load_exclusions(settings)
    except ConversionsError as error:
        if settings.key:
            yield stopped("exclusions", error)
        return
    with suppress(ConversionsError):
        new = proposal(settings)
        with open_read_only(settings, clock) as ledger:
            yield _result(ledger, new)


def proposal(settings: Settings) -> Proposal:
    """Return the policy and the rules by which a run would send. Raises SettingsError."""
    policy = load_policy(settings.resolve(settings.privacy.policy))
    return approvals.propose(settings, policy, load_exclusions(settings).summary)


def _result(ledger: Ledger, new: Proposal) -> CheckResult:
    if pending := approvals.pending(ledger, new):
        return problem("approval", pending.sentence)
    allowed = approval_history.current(ledger, new.seal)
    if allowed.policy is None:
        sentence = f"The first run records the policy and {len(new.rules)} rules as approved by"
        return ok("approval", f"{sentence} {new.approver}.") if new.approver else _unapproved(f"{sentence} nobody.")
    if names := allowed.unapproved:
        return _unapproved(f"Approved by nobody: {', '.join(names)}.")
    return ok("approval", f"Policy {new.policy.version} and {len(new.rules)} rules are approved by {_names(allowed)}.")


def _unapproved(sentence: str) -> CheckResult:
    return note("approval", sentence, f"{APPROVE}; `conversions policy show` lists what that approves.")


def _names(allowed: Allowed) -> str:
    entries = [
        *([allowed.policy_entry] if allowed.policy_entry else []),
        *(entry for _, entry in allowed.rules.values()),
    ]
    return ", ".join(dict.fromkeys(entry.approver for entry in entries))
