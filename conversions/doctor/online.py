"""The online check: Google validates one made-up order and does not count it; Meta is asked about token and dataset.

The made-up order passes the gate under the shop's current policy. The flag for "validate only" is added after the
gate; it is the same for every shop, and real orders never get it. ``meta_access`` has the check at Meta.
"""

from collections.abc import Iterator

import orjson

from conversions.delivery.open_queue import open_queue
from conversions.destinations import sample_conversion
from conversions.destinations.base import ValidatesOnly
from conversions.destinations.meta.client import Meta
from conversions.disclosure.policy import Policy
from conversions.doctor.approvals import proposal
from conversions.doctor.check_result import CheckResult, ok, problem, stopped
from conversions.doctor.made_up_order import SAMPLE_DIGEST, exit_code
from conversions.doctor.meta_access import check_meta
from conversions.errors import ConversionsError, Exit, Unauthorised, worst
from conversions.ledger import Clock, Ledger, checkpoints, open_ledger, outbox, runs, staging
from conversions.ledger.outbox import validation_request
from conversions.ledger.runs import Run, approvals, bindings
from conversions.model.conversion import Conversion, Window
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.run import clock_check
from conversions.run.runtime import DestinationRules, Runtime, build_runtime
from conversions.settings import DestinationSettings, Settings
from conversions.transport import clock_skew, unreachable

EVENT_AGE_SECONDS = 86_400
"""Above every platform's minimum age, below every age limit."""


def check_online(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    """Check every platform under the run lock; creates the store if needed."""
    try:
        runtime = build_runtime(settings)
        with open_ledger(settings, clock) as ledger:
            bindings.check_bindings(ledger, runtime.bindings)
            approvals.check(ledger, proposal(settings))
            yield from _check_in_run(runtime, ledger)
    except ConversionsError as error:
        yield stopped("online", error)


def _check_in_run(runtime: Runtime, ledger: Ledger) -> list[CheckResult]:
    """Check all destinations in a run of their own. It binds no account, because the account may still be wrong."""
    today = ledger.clock().astimezone(runtime.settings.zone).date()
    clock_check.check_after_gap(runtime, ledger)
    run = runs.begin(ledger, runtime.run_metadata("doctor", Window(today, today), None))
    with runs.closed_on_error(ledger, run):
        bindings.record_bindings(ledger, {name: runtime.bindings[name] for name in ("key", checkpoints.PIN)})
        outbox.recover(ledger)
        results = [result for rules in runtime.destinations for result in _check(rules, runtime.policy, ledger, run)]
    code = worst([result.exit_code for result in results])
    runs.finish(ledger, run, {"run_id": run.id, "exit_code": int(code)}, waiting=0)
    return results


def _check(rules: DestinationRules, policy: Policy, ledger: Ledger, run: Run) -> Iterator[CheckResult]:
    match rules.destination:
        case Meta() as meta:
            yield from check_meta(rules, meta, ledger, run)
        case ValidatesOnly() as validating:
            yield from _validate(rules, validating, _sample_order(rules.settings, policy, ledger), ledger, run)


def _validate(
    rules: DestinationRules, validating: ValidatesOnly, order: Conversion, ledger: Ledger, run: Run
) -> Iterator[CheckResult]:
    destination = rules.destination
    template = open_queue(rules, staging.destination_id(ledger, destination.name), ledger, run.id).template
    body = template.prefix + destination.event(order) + template.suffix
    paths, probe = rules.gate.check(body, 1), validating.as_validate_only(body)
    added = orjson.loads(probe).keys() - orjson.loads(body).keys()
    attempt = validation_request.begin_validation(ledger, run, template, probe, sorted({*paths, *added}))
    try:
        receipt = destination.send(attempt.body, 1)
        advice = destination.advice(receipt.code)
    except Unauthorised as error:
        receipt, advice = Receipt(Outcome.NOT_SENT, Next.STOP_CREDENTIALS, "no credentials"), str(error)
    validation_request.finish_validation(ledger, run, attempt, receipt)
    yield _result(destination.name, receipt, advice)
    if skew := clock_skew.difference(destination.name, receipt.date, ledger.clock()):
        yield problem("clock", skew)


def _sample_order(section: DestinationSettings, policy: Policy, ledger: Ledger) -> Conversion:
    at = int(ledger.clock().timestamp()) - EVENT_AGE_SECONDS
    return sample_conversion(section, policy)._replace(email_sha256=SAMPLE_DIGEST, event_at=at)


def _result(name: str, receipt: Receipt, advice: str | None) -> CheckResult:
    if receipt.next is Next.DONE:
        return ok(name, f"{name} checked a made-up order and would accept it; nothing was counted.")
    if receipt.not_sent:
        sentence = unreachable.sentence(name, receipt.not_sent)
        return problem(name, sentence, "Then `conversions doctor --online` again.", Exit.TRY_AGAIN)
    code = exit_code(receipt)
    problem_text = "does not answer as it should" if code is Exit.TRY_AGAIN else "refuses a made-up order"
    then = "`conversions doctor --online` again later." if code is Exit.TRY_AGAIN else f"Look up {receipt.code}."
    return problem(name, f"{name} {problem_text} ({receipt.code}); nothing was counted.", advice or then, code)
