"""Compares what a batch says of its regular orders, those that stand as it says, with the requests that have them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from conversions.audit.verify.log_history import LogHistory
from conversions.ledger.batches.contents import Contents
from conversions.ledger.schema.tables import DESTINATION_BITS, REVISION_BITS
from conversions.ledger.schema.views import DIGEST_BYTES, LETTERS
from conversions.ledger.standing.verdicts import NONE
from conversions.ledger.states import State

if TYPE_CHECKING:
    from conversions.audit.verify.batches import Batch, Part
    from conversions.audit.verify.readings import SealedReadings
    from conversions.audit.verify.standing import Order

_STATES = {State.PENDING, State.IN_FLIGHT, State.RECEIVED}
_NO_DIGEST = bytes(DIGEST_BYTES)


def compare(  # noqa: PLR0913 - what is compared
    history: LogHistory,
    readings: "SealedReadings",
    batch: "Batch",
    contents: Contents,
    named: "Mapping[int, Sequence[Part]]",
    here: "Mapping[int, Order]",
) -> Iterator[str]:
    """Yield each contradiction; *named* are the requests of each position, *here* its orders by position."""
    regular = {position for position, order in here.items() if order.is_regular}
    if batch.regular != len(regular):
        yield f"counts {batch.regular} orders that stand as it says, and has {len(regular)}"
    newest = _newest(named, regular)
    yield from _of_requests(batch, newest)
    yield from _late_results(history, batch, len(contents.events), newest, regular)
    yield from _fingerprints(batch, contents, regular)
    if batch.attempted and any(contents.bodies[position] is None for position in regular):
        yield "was sent, and has orders that stand as it says without their events"
    if not readings.have(batch, [contents.events[p] >> REVISION_BITS + DESTINATION_BITS for p in sorted(regular)]):
        yield "has orders that the run which sealed it did not read"


def _newest(named: "Mapping[int, Sequence[Part]]", regular: Collection[int]) -> "Collection[Part | None]":
    """Return one part of each request that is the newest of a regular order; None: some were never sent."""
    parts = (named[position][-1] if position in named else None for position in regular)
    return {part and part.request: part for part in parts}.values()


def _of_requests(batch: "Batch", newest: "Collection[Part | None]") -> Iterator[str]:
    """Regular orders have the same newest request, and the batch says how it was answered."""
    if batch.state not in _STATES:
        yield "has a state that there is not"
    if len(newest) > 1:
        yield "has orders that stand as it says, and have different requests"
    stated = (batch.state, batch.attempted, batch.first_attempt_us, batch.settled_run)
    if any(stated != _expected(part) for part in newest):
        yield "says otherwise of its orders than their newest request was answered"


def _expected(part: "Part | None") -> tuple[object, ...] | None:
    """State, mark, first attempt and run of an answer; None: their orders have exceptions."""
    if part is None:
        return (State.PENDING, 0, None, None)
    match part.outcome:
        case None:
            return (State.IN_FLIGHT, 1, part.intended_us, None)
        case "received":
            return (State.RECEIVED, 1, part.intended_us, part.run)
        case "unknown":
            return None
    return (State.PENDING, 1, None, None)


def _late_results(
    history: LogHistory, batch: "Batch", events: int, newest: "Collection[Part | None]", regular: Collection[int]
) -> Iterator[str]:
    """A position has a letter only where a late result of its request says so; others have none."""
    if batch.verdicts is None:
        return
    if len(batch.verdicts) != events or set(batch.verdicts) - {*LETTERS.values(), NONE}:
        yield "has other late results than there are, or not one for each event"
    if any(letter != NONE and position not in regular for position, letter in enumerate(batch.verdicts)):
        yield "has late results of orders that do not stand as it says"
    if batch.state != State.RECEIVED:
        yield "has late results and was not received"
    moved = [history.moved[part.request] for part in newest if part]
    if any(batch.verdicts.count(letter) > sum(each[state] for each in moved) for state, letter in LETTERS.items()):
        yield "has more late results than the log"


def _fingerprints(batch: "Batch", contents: Contents, regular: Collection[int]) -> Iterator[str]:
    """A regular order has a fingerprint, an erased event has zeros."""
    if batch.digests is None:
        if regular:
            yield "has no fingerprints"
        return
    if len(batch.digests) != DIGEST_BYTES * len(contents.events):
        yield "has more or fewer fingerprints than events"
        return
    starts = range(0, len(batch.digests), DIGEST_BYTES)
    digests = [batch.digests[at : at + DIGEST_BYTES] for at in starts]
    pairs = list(zip(digests, contents.bodies, strict=True))
    if any(body is None and digest != _NO_DIGEST for digest, body in pairs):
        yield "has fingerprints of erased events"
    if any(pairs[position][0] == _NO_DIGEST and pairs[position][1] is not None for position in regular):
        yield "has no fingerprints of orders that stand as it says"
