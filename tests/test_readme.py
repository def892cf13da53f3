"""README: what it shows and names is what there is."""

import os
import re
from pathlib import Path

import pytest

from conversions.cli import main
from conversions.errors import Exit

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_help_is_what_the_program_says(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["COLUMNS"] = "120"
    main(["--help"])
    assert f"$ conversions --help\n{capsys.readouterr().out}```" in README


def test_every_exit_code_is_explained() -> None:
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert explained == {*map(int, Exit), 130}


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`conversions ([a-z]+)", README))))
def test_every_command_that_is_named_exists(command: str) -> None:
    assert main([command, "--help"]) == 0


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_every_script_that_is_named_exists() -> None:
    named = set(re.findall(r"scripts/\w+", README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert {name for name in named if not (ROOT / name).is_file()} == set()
