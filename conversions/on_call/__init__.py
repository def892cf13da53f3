"""Reports the outcome of a run: heartbeat, metrics, alerts. All are off by default, and none changes the outcome."""

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
from conversions.transport.route import open_route


@dataclass(slots=True)
class RunOutcome:
    """The outcome of a run, as far as it is known."""

    report: Mapping[str, Any] = field(default_factory=lambda: {"exit_code": int(Exit.REFUSED)})
    """The output of ``run --json``; only its ``exit_code`` where the run was stopped."""
    sentences: Sequence[str] = ()
    """The messages of the run, without personal data and secrets."""


@contextmanager
def on_call(settings: Settings, clock: Callable[[], datetime], say: Callable[[str], None]) -> Iterator[RunOutcome]:
    """Report the start of a run and, at its end, its outcome; *say* gets a message for each report that fails."""
    url, outcome = settings.on_call.heartbeat_url, RunOutcome()
    if url:
        _best_effort(lambda: heartbeat.start(url.get_secret_value(), open_route(settings)), say)
    try:
        yield outcome
    except ConversionsError as error:
        outcome.report, outcome.sentences = {"exit_code": int(error.exit_code)}, [str(error)]
        raise
    finally:
        for notify in _notifications(settings, outcome, clock().timestamp()):
            _best_effort(notify, say)


def _notifications(settings: Settings, outcome: RunOutcome, now: float) -> Iterator[Callable[[], str | None]]:
    section, code = settings.on_call, int(outcome.report["exit_code"])
    if section.metrics_file:
        yield partial(_write, settings.resolve(section.metrics_file), outcome, now)
    if section.alerts and code:
        yield partial(_alert, settings, [address.get_secret_value() for address in section.alerts], code, outcome)
    if section.heartbeat_url:
        url = section.heartbeat_url.get_secret_value()
        yield lambda: heartbeat.finish(url, open_route(settings), code)


def _write(path: Path, outcome: RunOutcome, now: float) -> None:
    from conversions.on_call import metrics

    metrics.write(path, outcome.report, now)


def _alert(settings: Settings, addresses: Sequence[str], code: int, outcome: RunOutcome) -> str | None:
    from conversions.on_call import alerts

    return alerts.send(addresses, code, outcome.sentences, open_route(settings))


def _best_effort(notify: Callable[[], str | None], say: Callable[[str], None]) -> None:
    """Turn every failure into one message without the address, which is a secret."""
    try:
        failure = notify()
    except Exception as error:  # noqa: BLE001
        failure = (
            f"The outcome of the run could not be reported ({type(error).__name__}); check [on_call] in the settings."
        )
    if failure:
        say(failure)
