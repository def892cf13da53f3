"""``conversions privacy erase`` at a terminal, and what the commands say where there is nothing yet."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Said

ADDRESS = "Ida.Holm@Example.com"


def erase(cli: Cli, settings: Path, *arguments: object, typed: str) -> Said:
    said = cli("privacy", "erase", "--case", "17", "--config", settings, *arguments, stdin=typed, terminal=True)
    assert "holm" not in said.everything.lower()
    return said


def entries(cli: Cli, settings: Path) -> int:
    return len(json.loads(cli("privacy", "object", "--list", "--json", "--config", settings).out))


@pytest.mark.parametrize(("answer", "code", "erased"), [("y", 0, 1), ("n", 130, 0), ("", 130, 0)])
def test_a_terminal_is_asked_for_the_address_and_then_once_more(
    cli: Cli, settings: Path, answer: str, code: int, erased: int
) -> None:
    said = erase(cli, settings, typed=f"{ADDRESS}\n{answer}\n")
    assert (said.code, entries(cli, settings)) == (code, erased)
    assert "for ever?" in said.err


def test_yes_asks_nothing_more(cli: Cli, settings: Path) -> None:
    said = erase(cli, settings, "--yes", typed=f"{ADDRESS}\n")
    assert (said.code, said.out.strip()) == (0, "Erased: 0 events of 0 orders of 1 person.")
    assert "No order of theirs is in the store" in said.err
    assert "stay erased" not in said.err


def test_before_anything_was_erased_there_is_nobody_to_tell(cli: Cli, settings: Path) -> None:
    assert cli("privacy", "tasks", "--json", "--config", settings).out == "[]\n"
    assert cli("privacy", "tasks", "--config", settings).out.split() == [
        *("task", "case", "what", "recipient", "opened", "(Europe/Copenhagen)", "state", "orders"),
    ]
