"""Hands checkpoints to the places outside at the end of ``conversions run``, and says what did not arrive."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from conversions.cli import clock
from conversions.cli.output import say
from conversions.errors import AnotherRun, Usage

if TYPE_CHECKING:
    from conversions.on_call import RunOutcome
    from conversions.settings import Settings


@contextmanager
def handing_over_checkpoints(settings: "Settings", outcome: "RunOutcome") -> Iterator[list[str]]:
    """Hand them over after a run, also after one that was stopped; yield the list that gets what did not arrive.

    Nothing of it changes the run. Those who are alerted read it, too.
    """
    undelivered: list[str] = []
    try:
        yield undelivered
    except (AnotherRun, Usage):
        raise
    except BaseException:
        _hand_over(settings, undelivered)
        raise
    _hand_over(settings, undelivered)
    outcome.sentences = [*outcome.sentences, *undelivered]


def _hand_over(settings: "Settings", undelivered: list[str]) -> None:
    from conversions.distribution import distribute

    try:
        undelivered += distribute(settings, clock.now)
    except Exception as error:  # noqa: BLE001 - whatever fails here must not change how the run ended
        undelivered.append(f"No checkpoint was handed over ({type(error).__name__}); `conversions doctor` checks why.")
    for sentence in undelivered:
        say(sentence)
