"""What each platform says when it is asked: one made-up order, checked there and not counted, logged like any request.

The gate lets it leave by the shop's own policy, as it stands; what tells the platform not to count it is added after,
is the same for every shop, and is no path that a real order could take.
"""

from collections.abc import Iterator

import orjson

from conversions.delivery.open_queue import open_queue
from conversions.destinations import sample_conversion
from conversions.destinations.base import ValidatesOnly
from conversions.doctor.check_result import CheckResult, note, ok, problem, stopped
from conversions.errors import ConversionsError, Exit, Unauthorised, worst
from conversions.ledger import Clock, Ledger, checkpoints, open_ledger, runs, staging
from conversions.ledger import outbox as requests
from conversions.ledger.outbox import validation_request
from conversions.ledger.runs import Run, bindings, policies
from conversions.model.conversion import Conversion, Window
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.run import clock_check
from conversions.run.runtime import DestinationRules, Runtime, build_runtime
from conversions.settings import DestinationSettings, Settings
from conversions.transport import clock_skew

SAMPLE_DIGEST = "e788ea2014693dcdb86767aceb3860a432fc626c6477a6c53016aff40726842b"
"""SHA-256 of nobody@example.com, by every platform's rule; the domain is reserved for examples (RFC 2606)."""
EVENT_AGE_SECONDS = 86_400
"""Seconds: old enough for every minimum age, young enough for every limit."""

STOPS = {
    Next.RETRY: Exit.TRY_AGAIN,
    Next.RETRY_ONCE: Exit.TRY_AGAIN,
    Next.STOP_QUOTA: Exit.TRY_AGAIN,
    Next.STOP_CREDENTIALS: Exit.CREDENTIALS,
}
"""By what follows for a run; anything else is a refusal for a reason that is ours."""


def check(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    """Ask every platform that checks without counting, under the run lock; a store is made where there is none yet."""
    try:
        runtime = build_runtime(settings)
        with open_ledger(settings, clock) as ledger:
            bindings.check(ledger, runtime.bindings)
            policies.check(ledger, runtime.policy)
            yield from _logged(runtime, ledger)
    except ConversionsError as error:
        yield stopped("online", error)


def _logged(runtime: Runtime, ledger: Ledger) -> list[CheckResult]:
    """The findings, in a run of its own. No account is pinned by it: it may be the wrong one still."""
    today = ledger.clock().astimezone(runtime.settings.zone).date()
    clock_check.check_after_gap(runtime, ledger)
    run = runs.begin(ledger, runtime.run_metadata("doctor", Window(today, today), None))
    with runs.closed_on_error(ledger, run):
        bindings.record(ledger, {name: runtime.bindings[name] for name in ("key", checkpoints.PIN)})
        requests.recover(ledger)
        found = [each for view in runtime.destinations for each in _check(view, ledger, run)]
    code = worst([finding.exit_code for finding in found])
    runs.finish(ledger, run, {"run_id": run.id, "exit_code": int(code)}, waiting=0)
    return found


def _check(view: DestinationRules, ledger: Ledger, run: Run) -> Iterator[CheckResult]:
    destination, section = view.destination, view.settings
    if not isinstance(destination, ValidatesOnly):
        yield _not_asked(destination.name, section)
        return
    outbox = open_queue(view, staging.destination_id(ledger, destination.name), ledger, run.id).template
    body = outbox.prefix + destination.event(_sample_order(section, ledger)) + outbox.suffix
    paths, probe = view.gate.check(body, 1), destination.as_validate_only(body)
    added = orjson.loads(probe).keys() - orjson.loads(body).keys()
    attempt = validation_request.begin(ledger, run, outbox, probe, sorted({*paths, *added}))
    try:
        receipt = destination.send(attempt.body, 1)
        advice = destination.advice(receipt.code)
    except Unauthorised as error:
        receipt, advice = Receipt(Outcome.NOT_SENT, Next.STOP_CREDENTIALS, "no credentials"), str(error)
    validation_request.finish(ledger, run, attempt, receipt)
    yield _result(destination.name, receipt, advice)
    if mistake := clock_skew.difference(destination.name, receipt.date, ledger.clock()):
        yield problem("clock", mistake)


def _sample_order(section: DestinationSettings, ledger: Ledger) -> Conversion:
    at = int(ledger.clock().timestamp()) - EVENT_AGE_SECONDS
    return sample_conversion(section)._replace(email_sha256=SAMPLE_DIGEST, event_at=at)


def _result(name: str, receipt: Receipt, advice: str | None) -> CheckResult:
    if receipt.next is Next.DONE:
        return ok(name, f"{name} has checked a made-up order and would take it; nothing was counted.")
    code = STOPS.get(receipt.next, Exit.REFUSED)
    said = "does not answer as it should" if code is Exit.TRY_AGAIN else "refuses a made-up order"
    then = "`conversions doctor --online` again later." if code is Exit.TRY_AGAIN else f"Look up {receipt.code}."
    return problem(name, f"{name} {said} ({receipt.code}); nothing was counted.", advice or then, code)


def _not_asked(name: str, section: DestinationSettings) -> CheckResult:
    """Meta counts its test events, too: whatever is sent there is sent for good."""
    sentence = f"{name} was not asked: Meta has no request that is checked and not counted, its test events count too."
    if section.first_batch is None:
        return note(name, sentence, f"Set destinations.{name}.first_batch = 50: the first run sends so many, no more.")
    return note(name, sentence, f"The first run sends first_batch = {section.first_batch} orders: look at them there.")
