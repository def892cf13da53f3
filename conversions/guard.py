"""Ordinary mistakes, noticed before the first claim (design §6): each is a sentence, and what to do about it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from conversions.conversion import Reason, Window
from conversions.errors import SuspiciousSource
from conversions.ledger import Ledger, comparison
from conversions.ledger.comparison import Comparison, Renumbered, Revalued
from conversions.ledger.runs import Run
from conversions.reading import Reading
from conversions.report import unusually_many


def too_many(new: Mapping[str, tuple[int, int | None]], accepted: int) -> list[str]:
    """One sentence for each destination that would get more new orders than its ``max_new``.

    *new* has by destination how many wait and its ``max_new``; *accepted* is what a person said is no mistake.
    """
    return [
        f"{waiting} new orders would go to {name}, more than max_new = {most}: nothing is sent. Look at them with "
        f"`conversions plan`; if they are right, `conversions run --accept-large {waiting}`."
        for name, (waiting, most) in new.items()
        if most is not None and max(most, accepted) < waiting
    ]


def odd(
    ledger: Ledger, shop: str, window: Window, names: Sequence[str], numbers: Sequence[int]
) -> dict[Renumbered | Revalued, str]:
    """What makes this reading look wrong beside what the store knows, each with its sentence; nothing is staged yet."""
    compared, by_number = Comparison(ledger, shop, window), dict(zip(numbers, names, strict=True))
    numbering = compared.renumbered()
    found: dict[Renumbered | Revalued, str] = {} if numbering is None else {numbering: renumbered(numbering)}
    return found | {one: revalued(one, by_number[one.destination]) for one in compared.revalued()}


def refused(odd: Mapping[Renumbered | Revalued, str], accepted: Collection[type]) -> list[str]:
    """The sentences of what nobody has said is no mistake."""
    return [sentence for found, sentence in odd.items() if type(found) not in accepted]


def accept(
    ledger: Ledger,
    run: Run,
    odd: Mapping[Renumbered | Revalued, str],
    accepted: Collection[type],
    reason: str | None,
) -> None:
    """Go on where a person has said that it is no mistake, and log who and why. Raises SuspiciousSource otherwise."""
    if sentences := refused(odd, accepted):
        raise SuspiciousSource(" ".join(sentences))
    for found in odd:
        comparison.accept(ledger, run, found, reason or "")


def renumbered(found: Renumbered) -> str:
    """Every sale would be counted again under its new number."""
    return (
        f"{found.gone} orders of {found.days} days that are known are gone, and {found.unknown} unknown ones are there "
        "instead: has the order number's format changed? Nothing is sent, since known sales would count twice. Put "
        "source.columns.order_id right; or, if they are new sales, `conversions run --accept-numbers --reason TEXT`."
    )


def revalued(found: Revalued, name: str) -> str:
    """What is measured would mean something else from tonight on."""
    return (
        f"{found.differing} of {found.orders} orders that were sent to {name} have another value now, by a median "
        f"factor of {found.factor:.2f}: has the mapping changed? Nothing is sent. Put source.columns.amount and "
        "source.completed right; or, if the new values are meant, `conversions run --accept-values --reason TEXT`."
    )


def bad_rows(reading: Reading, fresh: Counter[str] | None = None) -> list[str]:
    """A sentence where unusually many rows could not be orders, over 5 % and at least 20, and where a file was cut off.

    *fresh* ones were not told of by an earlier run; None: nobody looked.
    """
    bad, found = reading.quarantined.total(), reading.quarantined if fresh is None else fresh
    new, cut_off = found.total(), found[Reason.UNFINISHED_LINE]
    told = []
    if unusually_many(new, reading.rows):
        besides = "" if new == bad else f", {new} of them new"
        told.append(f"{bad} of {reading.rows} rows could not be orders{besides}; `conversions status` lists them.")
    if cut_off:
        told.append(
            f"{cut_off} {'file ends' if cut_off == 1 else 'files end'} in a line without a line end, whose order is "
            "not sent: was the export cut off? Export it whole, the last line too; then `conversions run`."
        )
    return told


def moved(run: Run) -> list[str]:
    """One sentence where the store has come from another machine, which may have kept one of its own."""
    if run.moved_from is None:
        return []
    sentence = (
        f"This store was last used on {run.moved_from}. If that machine goes on with a copy of it, sales count twice"
    )
    return [f"{sentence}: stop its timer. (A container with another name each night: give it a fixed one.)"]
