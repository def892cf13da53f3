"""Reports the outcome of a run: heartbeat, metrics, alerts. All are off by default, and none changes the outcome."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    """The messages of the run, without addresses and secrets; they may name order numbers."""


@contextmanager
def on_call(settings: Settings, clock: Callable[[], datetime], say: Callable[[str], None]) -> Iterator[RunOutcome]:
    """Report the start of a run and, at its end, its outcome; *say* gets a message for each report that fails."""
    url, outcome = settings.on_call.heartbeat_url, RunOutcome()
    if url and (failure := _failure(lambda: heartbeat.start(url.get_secret_value(), open_route(settings)))):
        say(failure)
    try:
        yield outcome
    except ConversionsError as error:
        outcome.report, outcome.sentences = {"exit_code": int(error.exit_code)}, [str(error)]
        raise
    finally:
        for line in _notify(_notifications(settings, outcome, clock().timestamp())):
            say(line)


def _notifications(
    settings: Settings, outcome: RunOutcome, now: float
) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """What is to be sent: a name for messages, and the function, which returns why it failed."""
    section, code = settings.on_call, int(outcome.report["exit_code"])
    if section.metrics_file:
        yield "metrics file", partial(_write, settings.resolve(section.metrics_file), outcome, now)
    if section.alerts and code:
        addresses = [address.get_secret_value() for address in section.alerts]
        yield "alerts", partial(_alert, settings, addresses, outcome)
    if section.heartbeat_url:
        url = section.heartbeat_url.get_secret_value()
        yield "heartbeat", lambda: heartbeat.finish(url, open_route(settings), code)


def _write(path: Path, outcome: RunOutcome, now: float) -> str | None:
    from conversions.on_call import metrics

    return metrics.write(path, outcome.report, now)


def _alert(settings: Settings, addresses: Sequence[str], outcome: RunOutcome) -> str | None:
    from conversions.on_call import alerts

    code = int(outcome.report["exit_code"])
    return alerts.send(addresses, alerts.Alert(settings.shop, code, outcome.sentences), open_route(settings))


def _notify(notifications: Iterable[tuple[str, Callable[[], str | None]]]) -> Iterator[str]:
    """Send all, whatever fails; return a message for each failure, and after them what did arrive."""
    failures = {name: _failure(notify, name) for name, notify in notifications}
    failed = list(filter(None, failures.values()))
    yield from failed
    if failed and (sent := [name for name, failure in failures.items() if not failure]):
        names = " and ".join(sent)
        yield f"{names[0].upper()}{names[1:]} {'were' if len(sent) > 1 or sent == ['alerts'] else 'was'} sent."


def _failure(notify: Callable[[], str | None], name: str = "heartbeat") -> str | None:
    """Why it failed, without the address, which is a secret; None where it did not."""
    try:
        return notify()
    except Exception as error:  # noqa: BLE001
        return f"The {name} of this run failed ({type(error).__name__}); check [on_call] in the settings."
