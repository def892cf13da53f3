"""How the last run ended, why, and what to type next, as ``status`` shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import indent
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from conversions.cli import messages
from conversions.cli.next_step import MEANINGS, next_command
from conversions.cli.output import show, show_prose
from conversions.errors import Exit
from conversions.model.local_time import local_time

if TYPE_CHECKING:
    from conversions.ledger.queries.overview import PastRun
    from conversions.run.last_stop import LastStop

SAME_END = timedelta(minutes=1)
"""An error is written after its run has ended in the store; a later one, or another, is of a run that never began."""
UNDER_WAY = "It is still under way."
KILLED = "It ended without a report: it was killed, or the machine stopped. Nothing is lost; the next run goes on."


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run, or the last attempt at one."""

    state: str
    """``finished``, ``under_way``, ``killed``, or ``stopped``: an error ended it."""
    run: int | None
    """None where it ended before it began in the store."""
    at: datetime
    """When it ended, or began where it has not ended; aware, UTC."""
    exit_code: int | None
    sentences: Sequence[str]

    @property
    def next(self) -> str | None:
        """The command to type; None where there is nothing to do."""
        if self.exit_code is None:
            return None if self.state == "under_way" else "conversions run"
        text = " ".join(self.sentences).replace("`conversions status`", "")
        command = next_command(text, self.exit_code)
        return "conversions decide" if command == "conversions status" else command

    def json(self) -> dict[str, Any]:
        """Return ``last_run`` of ``status --json``."""
        facts = {"state": self.state, "run": self.run, "at": self.at, "exit_code": self.exit_code}
        return {**facts, "sentence": " ".join(self.sentences), "next": self.next}


def last_run(
    run: "PastRun | None", report: Mapping[str, Any], stop: "LastStop | None", *, locked: bool
) -> LastRun | None:
    """Return the last run from its row and report, the error that stopped it, and whether the run lock is held."""
    if stop and (run is None or stop.at >= (run.finished or run.started)):
        began = run is not None and (
            run.finished is None or (run.exit_code == stop.exit_code and stop.at - run.finished < SAME_END)
        )
        return LastRun("stopped", run.id if run and began else None, stop.at, stop.exit_code, [stop.sentence])
    if run is None:
        return None
    if run.finished is None:
        state, sentence = ("under_way", UNDER_WAY) if locked else ("killed", KILLED)
        return LastRun(state, run.id, run.started, None, [sentence])
    code = run.exit_code or 0
    return LastRun("finished", run.id, run.finished, code, [*messages.of_document(report)] or [MEANINGS[Exit(code)]])


def show_last_run(last: LastRun, zone: ZoneInfo) -> None:
    """Print the state and its reason."""
    ended = "began" if last.exit_code is None else f"ended with exit {last.exit_code},"
    show(f"Last run{f' ({last.run})' if last.run else ''}: {ended} {local_time(last.at, zone)}.")
    for sentence in last.sentences:
        show_prose(indent(sentence, "  "))
