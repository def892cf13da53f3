"""A text that the store or the log keeps in clear never holds an address: every option of every command is tried."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from conversions.cli import app, main

CLEAR = {"--reason", "--case", "--by", "--approved-by", "--purpose", "--name"}
SPELLINGS = ["ida@kunde.example", "ida%40kunde.example", "ida＠kunde.example", "ida﹫kunde.example"]
SPELLINGS += ["ida%2540kunde.example", "ida&#64;kunde.example", "ida&commat;kunde.example"]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from commands(child, (*path, name))


OPTIONS = [
    (path, option)
    for path, command in commands(typer.main.get_command(app))
    for parameter in command.params
    for option in CLEAR & set(parameter.opts)
    if (path, option) != (("audit", "looks"), "--by")
]


TRIED = [(path, option, SPELLINGS[0]) for path, option in OPTIONS]
TRIED += [(*OPTIONS[0], spelling) for spelling in SPELLINGS[1:]]


@pytest.mark.parametrize(("path", "option", "spelling"), TRIED)
def test_every_clear_text_refuses_an_address(
    path: tuple[str, ...], option: str, spelling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, option, f"asked by {spelling}"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"{option} contains an at sign")
    assert "kunde" not in said.err + said.out


@pytest.mark.parametrize("blank", ["", " ", "\u200b", "\u2800", "\u3164", "\u00a0\u00ad", "...", "x\udcff"])
def test_a_blank_text_names_nobody_and_gives_no_reason(blank: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--by", "--reason"):
        given = {"--by": "Ida Holm", "--reason": "agreed"} | {option: blank}
        assert main(["policy", "approve", *(word for pair in given.items() for word in pair)]) == 2
        assert capsys.readouterr().err.startswith(f"{option} is blank")


def test_the_commands_with_a_reason_are_all_tried() -> None:
    assert len(OPTIONS) > 20
