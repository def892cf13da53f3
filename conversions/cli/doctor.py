"""``conversions doctor``: find the problems of the next run in advance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conversions.cli.clock import now
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import show_json, show_prose
from conversions.errors import SettingsError, worst

if TYPE_CHECKING:
    from conversions.doctor import CheckResult


def doctor(
    *,
    online: Annotated[
        bool,
        typer.Option(
            "--online",
            help="Ask Google and Meta; the log keeps what is sent. Hand the newest checkpoint to store.checkpoint_to.",
        ),
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Find what would stop or spoil a run.

    Checks settings, policy, key, clock, store, source, credentials, and whether policy and platforms fit. Sends nothing
    without --online. The exit code is the one that a run would have.
    """
    results = _results(config, online=online)
    code = worst([result.exit_code for result in results])
    if as_json:
        show_json({"findings": [_as_json(result) for result in results], "exit_code": int(code)})
    else:
        for result in results:
            _show(result)
    return code


def _results(config: Path | None, *, online: bool) -> "list[CheckResult]":
    from conversions.doctor import check_offline, check_online, check_result

    try:
        settings = load_settings(config)
    except SettingsError as error:
        return [check_result.stopped("settings", error)]
    return [
        check_result.ok("settings", "All settings are valid."),
        *check_offline(settings, now),
        *(check_online(settings, now) if online else []),
    ]


def _as_json(result: "CheckResult") -> dict[str, Any]:
    return {
        "level": result.level,
        "about": result.about,
        "sentence": result.sentence,
        "next": result.next,
        "exit_code": int(result.exit_code),
    }


def _show(result: "CheckResult") -> None:
    sentence = result.sentence.replace("\n", f"\n{'':8} ")
    show_prose(f"{result.level:<8} {result.about}: {sentence}")
    if result.next:
        show_prose(f"{'':8} {'':{len(result.about)}}  {result.next}")
