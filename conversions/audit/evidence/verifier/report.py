"""What a bundle proves, what is to be known, and what it cannot prove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .payloads import Payloads
from .wording import counted, entry


class Report(NamedTuple):
    """The result for a bundle that was accepted."""

    sentence: str
    named: list[str]
    """Removals, restores, changes of clock and keys, gaps, opened links."""
    unchecked: list[str]
    """What no bundle can prove."""

    def lines(self) -> Iterator[str]:
        """The report as lines for people."""
        yield self.sentence
        yield from (f"Note: {sentence}" for sentence in self.named)
        yield from (f"Not checked: {sentence}" for sentence in self.unchecked)


def opened_sentences(payloads: Payloads, asked: list[str]) -> Iterator[str]:
    """One sentence for each event of an order that was chosen, and for each order without one."""
    for each in payloads.opened:
        attempt = f"request {each.intent['request']} to {each.intent['recipient']}, {entry(each.intent)}"
        yield f"Order {each.order}, bought on {each.day}, value {each.value}: event {each.position} of {attempt}."
    for order in asked:
        if order not in {each.order for each in payloads.opened}:
            yield (
                f"Order {order}: no event of these entries is opened for it. It was not sent in them, its payload is"
                " gone, or it was sent before schema 0007, when attempts did not bind whose orders they were."
            )


def unchecked(covered: int, size: int, stamps: int, *, opened: bool) -> Iterator[str]:
    """What the verifier cannot know; *covered* entries are in a checkpoint of the auditor's own."""
    if covered:
        if covered < size:
            yield (
                f"when the {counted(size - covered, 'entry')} from {covered} on were written: they came after your"
                " newest checkpoint."
            )
    else:
        yield (
            "whether the log was rewritten as a whole, or an older copy put back without a word: who has the log's"
            " key can do that, and only a checkpoint that you kept shows it (--checkpoint FILE or FOLDER)."
        )
    yield "that nothing was sent without an entry: compare the totals of the platforms with the log."
    yield "entries outside these days, but for those in other-entries.jsonl: other restores or changes may be there."
    also = ", but for the opened ones; and that an opened order has no other events." if opened else "."
    yield f"whose orders the events are{also}"
    yield "that a payload that is gone was that of the person, or of the days, that the entry is about."
    if stamps:
        yield (
            f"{counted(stamps, 'time stamp')} (RFC 3161) in checkpoints: `openssl ts -verify -in N.tsr -data"
            " N.checkpoint -CAfile ROOTS`."
        )
    else:
        yield "when the checkpoints were made: there is no time stamp (RFC 3161)."
    yield "this verifier: run a copy that you trust."
