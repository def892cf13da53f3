"""``conversions sandbox``: a strict local stand-in for both platforms."""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli.output import show

if TYPE_CHECKING:
    from conversions.sandbox import Sandbox

FAULT = (
    "What goes wrong: KIND[:google|:meta][@PROBABILITY][xCOUNT][=VALUE] with KIND one of 429 (value: Retry-After), 503,"
    " html, expired-token, quota-per-day, dropped, lost, no-request-id, wrong-count, slow (value: seconds), poison,"
    " verdict (Google's later reason, for a share), counts-only, processing, no-verdicts,"
    " require-token. Repeatable; for example 429:google@0.1x3=30."
)


def sandbox(
    *,
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one.", min=0, max=65535)] = 8085,
    fault: Annotated[list[str] | None, typer.Option(help=FAULT)] = None,
    poison: Annotated[list[str] | None, typer.Option(help="An event's id, or part of a product ID, to refuse.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything left to chance.")] = 0,
    counting: Annotated[bool, typer.Option("--counting", help="Check nothing, only count: for load.")] = False,
    unmatched: Annotated[float, typer.Option(help="Share that Google later reports unmatched.", min=0, max=1)] = 0,
    processing: Annotated[float, typer.Option(help="Seconds until Google's diagnostics are final.", min=0)] = 0,
) -> None:
    """Stand in for both platforms on this machine, until interrupted: checks what they check, counts what arrives."""
    from conversions.sandbox import Options, Sandbox, serve

    faults = [*(fault or ()), *(f"poison={text}" for text in poison or ())]
    wait = timedelta(seconds=processing)
    options = Options(counting=counting, seed=seed, unmatched=unmatched, processing=wait)
    serve(Sandbox(port, faults, options), _announce)


def _announce(running: "Sandbox") -> None:
    show(f"The sandbox answers at {running.url}")
    show(f'For a rehearsal, set endpoint = "{running.url}" in each section of [destinations],')
    show(f"or CONVERSIONS_GOOGLE__ENDPOINT={running.url} and CONVERSIONS_META__ENDPOINT={running.url}.")
    show(f"What arrived: {running.url}/_sandbox/received (with ?bodies=1 every body). Ctrl-C ends it.")
    sys.stdout.flush()
