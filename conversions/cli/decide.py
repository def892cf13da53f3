"""``conversions decide``: list the orders that wait for a decision, and record the decision."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from conversions import catalogue
from conversions.cli import clock
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, JsonSchema, ReasonOption, load_settings
from conversions.cli.output import say, show, show_json, show_table
from conversions.cli.run import DestinationOption
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversions.ledger.late_results.decisions import Case
    from conversions.settings import Settings

Choice = Literal["send", "give-up", "acknowledge"]


def decide(
    decision: Annotated[Choice | None, typer.Argument(help="Absent: list the orders and their choices.")] = None,
    orders: Annotated[
        list[str] | None,
        typer.Argument(metavar="ORDER", help="Order numbers; otherwise read from stdin, one per line."),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every order that has this choice.")] = False,
    finding: Annotated[
        str | None, typer.Option("--finding", metavar="CODE", help="Acknowledge this finding until it worsens.")
    ] = None,
    destination: DestinationOption = None,
    reason: ReasonOption = None,
    config: Config = None,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
) -> int:
    """List the orders that need a decision, or decide on them: send, give-up or acknowledge.

    `acknowledge --finding CODE` silences a finding until it worsens.

    An unanswered order that is sent again after the platform's de-duplication window may count twice.
    """
    settings = load_settings(config)
    if decision is None:
        return _list(settings, destination, json_schema if as_json else None)
    if not reason:
        raise Usage("A decision needs --reason; the log keeps it.")
    from conversions.ledger.late_results.decisions import Decision
    from conversions.operations import decide as operation

    if finding is not None:
        if decision != "acknowledge" or orders or everything:
            raise Usage("--finding works with acknowledge only, and without orders or --all.")
        known = operation.acknowledge(settings, clock.now, finding, destination, reason)
        show_json({"decision": decision, "finding": finding, "known": known}) if as_json else show(
            f"acknowledge: {finding} is known until it worsens."
        )
        return Exit.OK
    name = destination or _only_destination(settings)
    chosen = None if everything else orders or _piped_orders()
    request = operation.DecisionRequest(Decision(decision), name, chosen, reason)
    cases = operation.decide(settings, clock.now, request)
    if as_json:
        show_json({"decision": decision, "destination": name, "orders": len(cases)})
    else:
        show(f"{decision}: {len(cases)} orders at {name}.")
    if decision == "send":
        _say_next(name, cases)
    return Exit.OK


def _say_next(name: str, cases: "Sequence[Case]") -> None:
    restated = sum(case.state in {"recorded", "duplicate"} for case in cases)
    if restated < len(cases):
        say(f"The next `conversions run` sends them. An order that {name} received without an answer may count twice.")
    if restated:
        say(f"{name} holds {restated} of them with the old values: `conversions run --restate` sends the new values.")


def _list(settings: "Settings", destination: str | None, json_schema: int | None) -> int:
    from conversions.operations import decide as operation

    cases = operation.cases(settings, destination, clock.now)
    if json_schema:
        show_json(document([_json(case) for case in cases], json_schema))
    elif not cases:
        show("No order waits for a decision.")
    else:
        rows = [
            [
                case.destination,
                f"{case.order_no} ({case.shown_no})" if case.shown_no else case.order_no,
                case.day,
                case.state,
                *catalogue.explained(case.reason, case.detail),
                " | ".join(case.choices),
            ]
            for case in cases
        ]
        show_table(["destination", "order", "day", "state", "reason", "detail", "choices"], rows)
    return Exit.OK


def _json(case: "Case") -> dict[str, object]:
    return {
        "destination": case.destination,
        "order": case.order_no,
        "shown_number": case.shown_no,
        "day": case.day,
        "state": case.state,
        "reason": case.reason,
        "detail": case.detail,
        "choices": list(case.choices),
    }


def _only_destination(settings: "Settings") -> str:
    if len(settings.destinations) > 1:
        raise Usage(f"Add --destination, one of {', '.join(settings.destinations)}.")
    return next(iter(settings.destinations))


def _piped_orders() -> list[str]:
    """Order numbers from standard input, one per line."""
    numbers = [] if sys.stdin.isatty() else [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
    if not numbers:
        raise Usage("No orders were given: name them, pipe them in, or add --all.")
    return numbers
