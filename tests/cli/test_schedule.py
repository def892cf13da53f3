"""The schedule works in folders of any name: cron and systemd run this program on these very settings."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conversions.cli import schedule
from conversions.errors import Usage

PROGRAM = '#!/bin/sh\nexec {} -c \'import json, sys; print(json.dumps(sys.argv[1:]))\' "$0" "$@"\n'
NAMES = [
    "plain",
    "b c/Købmand æøå 100%",
    "q\"uo'te",
    "dol$HOME ${X} $$",
    r"back\slash\\ \n \%h %h",
    "semi ; #x & <y> *",
    "-dash/~x",
]


@pytest.fixture(params=NAMES)
def settings(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / request.param / "venv" / "bin" / "conversions"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM.format(sys.executable))
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    return tmp_path / str(request.param) / "conversions.toml"


def after_cron(command: str, pairs: str) -> str:
    """What a cron gives to the shell, where a backslash goes away before each of *pairs*; ``%`` ends the command."""
    out = re.sub(rf"\\([{re.escape(pairs)}])", r"\1", command)
    assert not re.search(r"(?<!\\)%", command)
    return out


@pytest.mark.parametrize("pairs", ["%", "%\\"])
def test_cron_starts_this_program_on_these_settings(settings: Path, pairs: str) -> None:
    command = schedule.cron_line(settings).removeprefix("15 6 * * * ")
    started = subprocess.run(["sh", "-c", after_cron(command, pairs)], capture_output=True, check=True).stdout
    program = settings.parent / "venv" / "bin" / "conversions"
    assert json.loads(started) == [str(program), "run", "--quiet", "--config", str(settings)]


def test_systemd_starts_this_program_on_these_settings(settings: Path, tmp_path: Path) -> None:
    text = schedule.unit("conversions.service", settings, "Europe/Oslo", "root")
    words = started_by_systemd(re.search("^ExecStart=(.*)$", text, re.MULTILINE)[1])  # type: ignore[index]
    program = settings.parent / "venv" / "bin" / "conversions"
    assert words[words[0] == "/usr/bin/env" :] == [str(program), "run", "--config", str(settings)]
    unit = tmp_path / "conversions.service"
    unit.write_text(text)
    if analyze := shutil.which("systemd-analyze"):
        verdict = subprocess.run(
            [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
        )
        assert (verdict.returncode, verdict.stderr) == (0, "")


def started_by_systemd(line: str) -> list[str]:
    """The words of a command line by systemd.syntax(7); in arguments ``$$`` is ``$`` (systemd.service(5))."""
    quoted = [a or b for a, b in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)]
    program, *arguments = [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in quoted]
    return [program, *(word.replace("$$", "$") for word in arguments)]


@pytest.mark.parametrize("name", ["two\nlines", "end ", "end\\", "esc\x1b[2J"])
def test_a_name_that_neither_format_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Usage, match=r"Name another one\. Nothing was written"):
        schedule.check_path(tmp_path / name)
