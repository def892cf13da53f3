"""What each platform says when it is asked: one made-up order, checked there and not counted, logged like any request.

The gate lets it leave by the shop's own policy, as it stands; what tells the platform not to count it is added after,
is the same for every shop, and is no path that a real order could take.
"""

from collections.abc import Iterator

import orjson

from conversions.delivery.open_queue import open_lane
from conversions.destinations import specimen
from conversions.destinations.base import Probing
from conversions.doctor.check_result import Finding, fine, note, problem, stopped
from conversions.errors import ConversionsError, Exit, Unauthorised, worst
from conversions.ledger import Clock, Ledger, checkpoints, open_ledger, runs, staging
from conversions.ledger import outbox as requests
from conversions.ledger.outbox import validation_request
from conversions.ledger.runs import Run, bindings, policies
from conversions.model.conversion import Conversion, Window
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.run import clock_check
from conversions.run.runtime import House, View, open_house
from conversions.settings import DestinationSettings, Settings
from conversions.transport import clock_skew

SAMPLE_DIGEST = "e788ea2014693dcdb86767aceb3860a432fc626c6477a6c53016aff40726842b"
"""SHA-256 of nobody@example.com, by every platform's rule; the domain is reserved for examples (RFC 2606)."""
AGO = 86_400
"""Seconds: old enough for every minimum age, young enough for every limit."""

STOPS = {
    Next.RETRY: Exit.TRY_AGAIN,
    Next.ONCE_MORE: Exit.TRY_AGAIN,
    Next.STOP_FOR_TODAY: Exit.TRY_AGAIN,
    Next.STOP_CREDENTIALS: Exit.CREDENTIALS,
}
"""By what follows for a run; anything else is a refusal for a reason that is ours."""


def ask(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Ask every platform that checks without counting, under the run lock; a store is made where there is none yet."""
    try:
        house = open_house(settings)
        with open_ledger(settings, clock) as ledger:
            bindings.check(ledger, house.pins)
            policies.check(ledger, house.policy)
            yield from _logged(house, ledger)
    except ConversionsError as error:
        yield stopped("online", error)


def _logged(house: House, ledger: Ledger) -> list[Finding]:
    """The findings, in a run of its own. No account is pinned by it: it may be the wrong one still."""
    today = ledger.clock().astimezone(house.settings.zone).date()
    clock_check.ask_after_pause(house, ledger)
    run = runs.begin(ledger, house.occasion("doctor", Window(today, today), None))
    with runs.closing(ledger, run):
        bindings.record(ledger, {name: house.pins[name] for name in ("key", checkpoints.PIN)})
        requests.recover(ledger)
        found = [each for view in house.views for each in _ask(view, ledger, run)]
    code = worst([finding.exit_code for finding in found])
    runs.finish(ledger, run, {"run_id": run.id, "exit_code": int(code)}, waiting=0)
    return found


def _ask(view: View, ledger: Ledger, run: Run) -> Iterator[Finding]:
    destination, section = view.destination, view.section
    if not isinstance(destination, Probing):
        yield _not_asked(destination.name, section)
        return
    outbox = open_lane(
        destination, section, staging.number_of(ledger, destination.name), view.gate.check, ledger, run.id
    ).outbox
    body = outbox.prefix + destination.event(_order_of_nobody(section, ledger)) + outbox.suffix
    paths, probe = view.gate.check(body, 1), destination.checked_only(body)
    added = orjson.loads(probe).keys() - orjson.loads(body).keys()
    attempt = validation_request.announce(ledger, run, outbox, probe, sorted({*paths, *added}))
    try:
        receipt = destination.send(attempt.body, 1)
        advice = destination.advice(receipt.code)
    except Unauthorised as error:
        receipt, advice = Receipt(Outcome.NOT_SENT, Next.STOP_CREDENTIALS, "no credentials"), str(error)
    validation_request.conclude(ledger, run, attempt, receipt)
    yield _heard(destination.name, receipt, advice)
    if mistake := clock_skew.difference(destination.name, receipt.date, ledger.clock()):
        yield problem("clock", mistake)


def _order_of_nobody(section: DestinationSettings, ledger: Ledger) -> Conversion:
    at = int(ledger.clock().timestamp()) - AGO
    return specimen(section)._replace(email_sha256=SAMPLE_DIGEST, event_at=at)


def _heard(name: str, receipt: Receipt, advice: str | None) -> Finding:
    if receipt.next is Next.DONE:
        return fine(name, f"{name} has checked a made-up order and would take it; nothing was counted.")
    code = STOPS.get(receipt.next, Exit.REFUSED)
    said = "does not answer as it should" if code is Exit.TRY_AGAIN else "refuses a made-up order"
    then = "`conversions doctor --online` again later." if code is Exit.TRY_AGAIN else f"Look up {receipt.code}."
    return problem(name, f"{name} {said} ({receipt.code}); nothing was counted.", advice or then, code)


def _not_asked(name: str, section: DestinationSettings) -> Finding:
    """Meta counts its test events, too: whatever is sent there is sent for good."""
    sentence = f"{name} was not asked: Meta has no request that is checked and not counted, its test events count too."
    if section.first_batch is None:
        return note(name, sentence, f"Set destinations.{name}.first_batch = 50: the first run sends so many, no more.")
    return note(name, sentence, f"The first run sends first_batch = {section.first_batch} orders: look at them there.")
