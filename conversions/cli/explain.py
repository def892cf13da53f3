"""``conversions explain``: the life of an order in sentences."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from conversions.cli.clock import now
from conversions.cli.days import end_of_day
from conversions.cli.options import AsJson, Case, Config, ReasonOption, load_settings
from conversions.cli.output import show, show_json
from conversions.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conversions.audit.explain import Explanation, Statement


def explain(
    orders: Annotated[
        list[str] | None,
        typer.Argument(metavar="ORDER", help="Order numbers; otherwise read from stdin, one per line."),
    ] = None,
    *,
    reason: ReasonOption = None,
    case: Case = None,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="DAY", help="How it stood at the end of this day, by the history: 2026-10-14."),
    ] = None,
    language: Annotated[Literal["da", "en"], typer.Option("--lang", help="Language of the sentences.")] = "en",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Say what became of an order: whether each platform has it, why not, and what to do.

    `#`, leading zeros, `.0` and upper or lower case need not be as in the shop. This look is recorded; `audit looks`
    lists it.
    """
    from conversions.audit.explain import Question
    from conversions.audit.explain import explain as explained
    from conversions.audit.explain.words import sentence
    from conversions.catalogue import Language

    settings = load_settings(config)
    say = partial(sentence, zone=settings.zone, language=Language(language))
    at = end_of_day("--on", on, settings) if on else None
    explanations = explained(settings, now, Question(_numbers(orders), reason or "order", case, at))
    if as_json:
        show_json([_json(explanation, say) for explanation in explanations])
    else:
        show("\n\n".join("\n".join(_lines(explanation, say)) for explanation in explanations))


def _numbers(orders: list[str] | None) -> list[str]:
    """The numbers without repetition. Raises Usage where there is none, or one is an e-mail address."""
    from conversions.model.subject import holds_address

    try:
        given = orders or ([] if sys.stdin.isatty() else sys.stdin.read().splitlines())
    except UnicodeDecodeError:
        raise Usage("Standard input is no text in UTF-8: write one order number per line.") from None
    numbers = list(dict.fromkeys(number.strip() for number in given if number.strip()))
    if not numbers:
        raise Usage("No order was given: name one, or pipe numbers in, one per line.")
    if any(map(holds_address, numbers)):
        raise Usage("An e-mail address is no order number. `conversions privacy access` answers a person's question.")
    return numbers


def _lines(explanation: "Explanation", say: "Callable[[Statement], str]") -> "Iterator[str]":
    from conversions.audit.explain import Statement

    yield say(Statement("heading", {"order": explanation.asked}))
    yield from (f"  {say(one)}" for one in explanation.statements)
    for place in explanation.destinations:
        yield f"  {place.name}"
        yield from (f"    {say(one)}" for one in place.statements)


def _json(explanation: "Explanation", say: "Callable[[Statement], str]") -> dict[str, object]:
    def statements(given: "list[Statement]") -> list[dict[str, object]]:
        return [
            {
                "code": one.code,
                "text": say(one),
                "facts": {name: _plain(fact) for name, fact in one.facts.items()},
            }
            for one in given
        ]

    return {
        "asked": explanation.asked,
        "order": explanation.order_no,
        "statements": statements(explanation.statements),
        "destinations": [
            {
                "destination": place.name,
                "state": place.state,
                "reason": place.reason,
                "detail": place.detail,
                "statements": statements(place.statements),
            }
            for place in explanation.destinations
        ],
    }


def _plain(fact: object) -> object:
    from conversions.model.conversion import Money

    return {"amount": fact.amount, "currency": fact.currency} if isinstance(fact, Money) else fact
