"""``conversions doctor``: what would go wrong tonight."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conversions.cli.clock import now
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import show, show_json
from conversions.errors import SettingsError, worst

if TYPE_CHECKING:
    from conversions.doctor import CheckResult


def doctor(
    *,
    online: Annotated[bool, typer.Option("--online", help="Have Google check a made-up order; logged.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Find what would stop or spoil a run.

    Settings, policy, key, clock, store, source, credentials, and where policy and platform do not fit. Sends nothing
    unless asked to; exits as the run would.
    """
    findings = _findings(config, online=online)
    code = worst([one.exit_code for one in findings])
    if as_json:
        show_json({"findings": [_as_json(one) for one in findings], "exit_code": int(code)})
    else:
        for finding in findings:
            _show(finding)
    return code


def _findings(config: Path | None, *, online: bool) -> "list[CheckResult]":
    from conversions.doctor import check_offline, check_online, check_result

    try:
        settings = load_settings(config)
    except SettingsError as error:
        return [check_result.stopped("settings", error)]
    return [
        check_result.ok("settings", "Every setting can be used."),
        *check_offline(settings, now),
        *(check_online(settings, now) if online else []),
    ]


def _as_json(finding: "CheckResult") -> dict[str, Any]:
    return {
        "level": finding.level,
        "about": finding.about,
        "sentence": finding.sentence,
        "next": finding.next,
        "exit_code": int(finding.exit_code),
    }


def _show(finding: "CheckResult") -> None:
    show(f"{finding.level:<8} {finding.about}: {finding.sentence}")
    if finding.next:
        show(f"{'':8} {'':{len(finding.about)}}  {finding.next}")
