"""Who is told how a run went, each off by default, and none able to change how it went."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from conversions.errors import ConversionsError, Exit
from conversions.on_call import heartbeat
from conversions.settings import Settings


@dataclass(slots=True)
class RunOutcome:
    """How a run ended, as far as it is known."""

    report: Mapping[str, Any] = field(default_factory=lambda: {"exit_code": int(Exit.REFUSED)})
    """What ``run --json`` prints; only its ``exit_code`` where the run was stopped."""
    sentences: Sequence[str] = ()
    """What it told a person: no personal data, no secrets."""


@contextmanager
def on_call(settings: Settings, clock: Callable[[], datetime], say: Callable[[str], None]) -> Iterator[RunOutcome]:
    """Tell that a run begins, and in the end how it went; *say* gets a sentence for whatever could not be told."""
    url, ending = settings.on_call.heartbeat_url, RunOutcome()
    if url:
        _best_effort(lambda: heartbeat.start(url.get_secret_value()), say)
    try:
        yield ending
    except ConversionsError as error:
        ending.report, ending.sentences = {"exit_code": int(error.exit_code)}, [str(error)]
        raise
    finally:
        for tell in _notifications(settings, ending, clock().timestamp()):
            _best_effort(tell, say)


def _notifications(settings: Settings, ending: RunOutcome, now: float) -> Iterator[Callable[[], str | None]]:
    wanted, code = settings.on_call, int(ending.report["exit_code"])
    if wanted.metrics_file:
        yield partial(_write, settings.resolve(wanted.metrics_file), ending, now)
    if wanted.alerts and code:
        yield partial(_alert, [one.get_secret_value() for one in wanted.alerts], code, ending)
    if wanted.heartbeat_url:
        yield partial(heartbeat.finish, wanted.heartbeat_url.get_secret_value(), code)


def _write(path: Path, ending: RunOutcome, now: float) -> None:
    from conversions.on_call import metrics

    metrics.write(path, ending.report, now)


def _alert(addresses: Sequence[str], code: int, ending: RunOutcome) -> str | None:
    from conversions.on_call import alerts

    return alerts.send(addresses, code, ending.sentences)


def _best_effort(tell: Callable[[], str | None], say: Callable[[str], None]) -> None:
    """Whatever goes wrong is one sentence without the address."""
    try:
        trouble = tell()
    except Exception as error:  # noqa: BLE001
        trouble = f"Nobody could be told how the run went ({type(error).__name__}); look at [on_call] in the settings."
    if trouble:
        say(trouble)
