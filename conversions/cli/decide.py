"""``conversions decide``: what waits for a person, and what the person decides."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from conversions.cli import clock
from conversions.cli.options import AsJson, Config, ReasonOption, load_settings
from conversions.cli.output import printable, say, show, show_json, show_table
from conversions.cli.run import DestinationOption
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversions.ledger.late_results.decisions import Case
    from conversions.settings import Settings

Word = Literal["send", "give-up", "acknowledge"]


def decide(
    decision: Annotated[Word | None, typer.Argument(help="Absent: list what waits, and the choices.")] = None,
    orders: Annotated[
        list[str] | None, typer.Argument(metavar="ORDER", help="Order numbers; otherwise one a line is read.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every order for which this is a choice.")] = False,
    finding: Annotated[
        str | None, typer.Option("--finding", metavar="CODE", help="Acknowledge a finding until it worsens.")
    ] = None,
    destination: DestinationOption = None,
    reason: ReasonOption = None,
    config: Config = None,
    as_json: AsJson = False,
) -> int:
    """List the orders that no run mends by itself, or decide on them: send, give-up or acknowledge.

    With --finding it is a finding that is acknowledged: nobody is called for it again until it worsens.

    An unanswered order that is sent again after the platform's window may count twice.
    """
    settings = load_settings(config)
    if decision is None:
        return _list(settings, destination, as_json=as_json)
    if not reason:
        raise Usage("A decision needs --reason; it is kept in the log.")
    from conversions.ledger.late_results.decisions import Decision
    from conversions.operations import decide as deciding
    from conversions.operations.decide import DecisionRequest

    if finding is not None:
        if decision != "acknowledge" or orders or everything:
            raise Usage("A finding can be acknowledged, and nothing else: leave orders and --all out.")
        known = deciding.acknowledge(settings, clock.now, finding, destination, reason)
        show_json({"decision": decision, "finding": finding, "known": known}) if as_json else show(
            f"acknowledge: {finding} is known until it worsens."
        )
        return Exit.OK
    place = destination or _only_one(settings)
    chosen = None if everything else orders or _piped()
    done = deciding.decide(settings, clock.now, DecisionRequest(Decision(decision), place, chosen, reason))
    if as_json:
        show_json({"decision": decision, "destination": place, "orders": len(done)})
    else:
        show(f"{decision}: {len(done)} orders at {place}.")
    if decision == "send":
        _say_what_follows(place, done)
    return Exit.OK


def _say_what_follows(place: str, sent: "Sequence[Case]") -> None:
    restated = sum(case.state in {"recorded", "duplicate"} for case in sent)
    if restated < len(sent):
        say(f"The next `conversions run` sends them. What {place} received before without an answer may count twice.")
    if restated:
        say(f"{place} holds {restated} of them at their old values: `conversions run --restate` tells it the new ones.")


def _list(settings: "Settings", destination: str | None, *, as_json: bool) -> int:
    from conversions.operations import decide as deciding

    found = deciding.cases(settings, destination, clock.now)
    if as_json:
        show_json([_json(case) for case in found])
    elif not found:
        show("Nothing waits for a decision.")
    else:
        rows = [
            [c.destination, printable(c.order_no), c.day, c.state, c.reason, c.detail, " | ".join(c.choices)]
            for c in found
        ]
        show_table(["destination", "order", "day", "state", "why", "said", "choices"], rows)
    return Exit.OK


def _json(case: "Case") -> dict[str, object]:
    return {
        "destination": case.destination,
        "order": case.order_no,
        "day": case.day,
        "state": case.state,
        "reason": case.reason,
        "detail": case.detail,
        "choices": list(case.choices),
    }


def _only_one(settings: "Settings") -> str:
    if len(settings.destinations) > 1:
        raise Usage(f"--destination is missing: {', '.join(settings.destinations)}.")
    return next(iter(settings.destinations))


def _piped() -> list[str]:
    """Order numbers from standard input, one a line."""
    found = [] if sys.stdin.isatty() else [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
    if not found:
        raise Usage("Which orders? Name them, pipe them in, or say --all.")
    return found
