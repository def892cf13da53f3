"""Whether Meta accepts the token for the dataset: a question without an event, then at most one event that is too old.

Meta has no request that only validates. So the event is thirty days old, which Meta refuses whole, and the gate checks
it under a policy of its own: it is no purchase of the shop. ``physical_store`` takes such events, and gets none.
"""

from collections.abc import Iterator
from importlib.resources import files

from conversions.delivery.open_queue import open_queue
from conversions.destinations import sample_conversion
from conversions.destinations.meta import access
from conversions.destinations.meta.client import Meta
from conversions.disclosure.gate import Gate
from conversions.disclosure.policy import Policy, parse_policy
from conversions.doctor.check_result import CheckResult, note, ok, problem
from conversions.doctor.made_up_order import SAMPLE_DIGEST, exit_code
from conversions.errors import Exit, Unauthorised
from conversions.ledger import Ledger, staging
from conversions.ledger.outbox import validation_request
from conversions.ledger.runs import Run, policies
from conversions.model.receipt import Next, Receipt
from conversions.run.runtime import DestinationRules
from conversions.settings import DestinationSettings, MetaSettings
from conversions.transport import clock_skew, unreachable


def check_meta(rules: DestinationRules, meta: Meta, ledger: Ledger, run: Run) -> Iterator[CheckResult]:
    """Ask for the dataset's quality; send the old event only where the answer says nothing about token and dataset."""
    try:
        answer = meta.access()
        if answer is not None:
            yield _known(meta, answer)
        elif meta.refuses_old_events:
            answer = _send_old_event(rules, ledger, run)
            yield _old_event(meta, answer)
        else:
            yield _unknown(meta, rules)
    except Unauthorised as error:
        yield problem(meta.name, str(error), exit_code=Exit.CREDENTIALS)
        return
    if answer and (skew := clock_skew.difference(meta.name, answer.date, ledger.clock())):
        yield problem("clock", skew)


def probe_policy() -> Policy:
    """Return the policy of the made-up event."""
    text = files("conversions.doctor").joinpath("probe-policy.toml").read_text(encoding="utf-8")
    return parse_policy(text, "the policy of the made-up event")


def _send_old_event(rules: DestinationRules, ledger: Ledger, run: Run) -> Receipt:
    """Send one made-up event that is too old; the log has it before its first byte is sent."""
    policy = probe_policy()
    body = _made_up(rules.name, rules.settings, policy, int(ledger.clock().timestamp()))
    paths = Gate(policy, rules.settings.kind).check(body, 1)
    template = open_queue(rules, staging.destination_id(ledger, rules.name), ledger, run.id).template
    under = policies.under(ledger, run, policy)
    attempt = validation_request.begin_validation(ledger, under, template, body, paths)
    receipt = rules.destination.send(attempt.body, 1)
    validation_request.finish_validation(ledger, run, attempt, receipt)
    return receipt


def _made_up(name: str, settings: DestinationSettings, policy: Policy, now: int) -> bytes:
    """Return the body of one request under *policy*."""
    section = MetaSettings.model_validate(settings.model_copy(update={"reference": "wire_id"}))
    meta = Meta(name, section, policy)
    event_at = now - int(access.OLD_EVENT_AGE.total_seconds())
    made_up = sample_conversion(section, policy)._replace(email_sha256=SAMPLE_DIGEST, event_at=event_at)
    envelope = meta.envelope("")
    return envelope.prefix + meta.event(made_up) + envelope.suffix


def _known(meta: Meta, answer: Receipt) -> CheckResult:
    if answer.next is Next.DONE:
        return ok(meta.name, f"{meta.name} accepts the token for dataset {meta.target}; no event was sent.")
    return _refusal(meta, answer, "no event was sent")


def _old_event(meta: Meta, answer: Receipt) -> CheckResult:
    if answer.next is Next.DONE:
        return problem(
            meta.name,
            f"{meta.name} accepted a made-up event that is {access.OLD_EVENT_AGE.days} days old and should have been "
            "refused: one made-up event may have counted.",
            "Look for one purchase of 1 DKK in Events Manager, and report this.",
            Exit.REFUSED,
        )
    if access.meta_code(answer) == access.TOO_OLD:
        sentence = f"{meta.name} accepts the token. It refused one made-up event as too old, as it should"
        return ok(meta.name, f"{sentence}; nothing was counted.")
    return _refusal(meta, answer, "nothing was counted")


def _refusal(meta: Meta, answer: Receipt, counted: str) -> CheckResult:
    if answer.not_sent:
        sentence = unreachable.sentence(meta.name, answer.not_sent)
        return problem(meta.name, sentence, "Then `conversions doctor --online` again.", Exit.TRY_AGAIN)
    code = exit_code(answer)
    if code is Exit.TRY_AGAIN:
        what, then = "does not answer as it should", "`conversions doctor --online` again later."
    elif code is Exit.REFUSED:
        what, then = "refuses the check", f"Look up {answer.code}."
    elif access.meta_code(answer).partition("/")[0] in access.TOKEN_CODES:
        what, then = "refuses the token", f"Look up {answer.code}."
    else:
        what, then = f"does not let the token reach dataset {meta.target}", f"Look up {answer.code}."
    sentence = f"{meta.name} {what} ({answer.code}); {counted}."
    return problem(meta.name, sentence, meta.advice(answer.code) or then, code)


def _unknown(meta: Meta, rules: DestinationRules) -> CheckResult:
    """A note for ``physical_store``, where no event can be refused for its age."""
    sentence = (
        f"{meta.name} does not say whether it accepts the token, and was not checked with an event: it takes events of "
        "physical_store that are up to 62 days old, so a made-up one would count."
    )
    first_batch = rules.settings.first_batch
    if first_batch is None:
        return note(
            meta.name, sentence, f"Set destinations.{meta.name}.first_batch = 50: the first run then sends only 50."
        )
    return note(meta.name, sentence, f"The first run sends first_batch = {first_batch} orders: check them at Meta.")
