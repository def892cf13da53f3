"""``main`` turns each error into one sentence and an exit code."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from conversions import __version__
from conversions.cli import app, main, output
from conversions.cli.options import AsJson
from conversions.errors import AnotherRun, ConversionsError, Exit, LedgerError, SettingsError
from tests.cli.conftest import Cli

ADDRESS = "ida.holm@example.com"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A command that raises what is put into the list."""
    raised: list[Exception] = []

    def fail(*, as_json: AsJson = False) -> None:
        raise raised[0]

    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    app.command("fail")(fail)
    return raised


@pytest.mark.parametrize("error", [SettingsError("Mend x."), LedgerError("Mend y."), AnotherRun("Wait.")])
def test_an_error_of_ours_is_its_sentence_and_its_exit_code(
    cli: Cli, failing: list[Exception], error: ConversionsError
) -> None:
    failing.append(error)
    said = cli("fail")
    assert (said.code, said.out, said.err) == (error.exit_code, "", f"{error}\n")


def test_an_unforeseen_error_is_named_by_class_and_place_alone(cli: Cli, failing: list[Exception]) -> None:
    failing.append(KeyError(ADDRESS))
    said = cli("fail")
    assert said.code == Exit.REFUSED
    assert said.err.count("\n") == 1
    assert "KeyError" in said.err
    assert "test_main:" in said.err
    assert "ida" not in said.err


def test_a_system_error_says_what_the_system_said(cli: Cli, failing: list[Exception]) -> None:
    failing.append(OSError(28, "No space left on device", "/orders/of/ida"))
    said = cli("fail")
    assert "No space left on device" in said.err
    assert "/orders" not in said.err


def test_of_a_group_the_first_counts(cli: Cli, failing: list[Exception]) -> None:
    failing.append(ExceptionGroup("both", [ExceptionGroup("one", [LedgerError("Mend.")]), KeyError("x")]))
    assert cli("fail").code == Exit.STORE


def test_an_address_in_an_errors_text_is_not_repeated(cli: Cli, failing: list[Exception]) -> None:
    failing.append(SettingsError(f"{ADDRESS} is not a number."))
    assert cli("fail").err == "[withheld] is not a number.\n"


def test_no_answer_is_130(cli: Cli, failing: list[Exception]) -> None:
    failing.append(typer.Abort())
    assert cli("fail").code == 130


@pytest.mark.parametrize("arguments", [["no-such-command"], ["schema", "nothing"], ["doctor", "--nothing"], []])
def test_a_wrong_command_line_is_exit_2(cli: Cli, arguments: list[str]) -> None:
    said = cli(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        (SettingsError("Mend x, then `conversions doctor --online`."), "conversions doctor --online"),
        (LedgerError("Mend y."), "conversions doctor"),
        (AnotherRun("Wait."), "conversions run"),
        (KeyError(ADDRESS), "conversions status"),
        (typer.Abort(), "conversions run"),
    ],
)
def test_with_json_every_error_is_one_document_with_the_next_command(
    cli: Cli, failing: list[Exception], error: Exception, next_step: str
) -> None:
    failing.append(error)
    said = cli("fail", "--json")
    document = json.loads(said.out)
    assert (document["exit_code"], document["next"]) == (said.code, next_step)
    assert document["sentence"] == said.err.strip()
    assert "ida" not in said.out


@pytest.mark.parametrize("arguments", [["run", "--frob"], ["plan", "--since", "x"], ["no-such-command"]])
def test_so_is_a_wrong_command_line(cli: Cli, settings: Path, arguments: list[str]) -> None:
    os.environ["CONVERSIONS_CONFIG"] = str(settings)
    said = cli(*arguments, "--json")
    assert (said.code, json.loads(said.out)["exit_code"]) == (2, 2)
    assert said.err.count("\n") == 1


def test_an_address_on_the_command_line_is_not_repeated(cli: Cli) -> None:
    assert ADDRESS not in cli("privacy", "object", ADDRESS).everything


def test_the_version(cli: Cli) -> None:
    assert cli("--version").out == f"conversions {__version__}\n"


def test_settings_that_are_nowhere_are_one_sentence(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = cli("privacy", "object", "--list")
    assert (said.code, said.err.count("\n")) == (78, 1)
    assert "conversions init" in said.err


def test_the_operators_own_settings_come_before_a_clones_example(
    cli: Cli, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.parent / "config").mkdir()
    (settings.parent / "config" / "conversions.toml").write_text("broken")
    monkeypatch.chdir(settings.parent)
    assert cli("privacy", "object", "--list").code == 0
    settings.unlink()
    assert cli("privacy", "object", "--list").code == 78


def test_the_environment_may_name_the_settings(cli: Cli, settings: Path) -> None:
    os.environ["CONVERSIONS_CONFIG"] = str(settings)
    assert cli("privacy", "object", "--list").code == 0


HEAVY = (
    "pandas",
    "numpy",
    "sqlalchemy",
    "pyarrow",
    "google",
    "requests",
    "pydantic",
    "structlog",
    "cryptography",
    "rich",
)


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "conversions", "--help"], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "conversions" in imported
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1:strict", "utf-8"])
def test_what_a_terminal_has_no_character_for_is_shown_escaped(encoding: str) -> None:
    command = [sys.executable, "-m", "conversions", "status", "--config", "Ø …\udce9\u202e.toml"]
    env = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, env=env, check=False)
    assert done.returncode == SettingsError.exit_code
    assert b"Internal error" not in done.stderr
    assert b"\\udce9" in done.stderr


def test_standard_output_escapes_as_standard_error_does(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    app.command("names")(lambda: output.show("1001 Ø …"))
    assert main(["names"]) == 0
    assert shown.getvalue() == b"1001 \\xd8 \\u2026\n"


def test_main_returns_what_the_process_exits_with() -> None:
    assert main(["--version"]) == 0
