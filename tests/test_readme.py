"""README and the pages: every command, path and help text in them exists."""

import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from conversions import __version__
from conversions.cli import main
from conversions.errors import Exit

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {page: page.read_text(encoding="utf-8") for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]}
GROUPS = {"audit", "policy", "key", "privacy", "source"}
MAX_LINES_PER_PAGE = 80
"""A person under stress reads no more."""
REFERENCE = {"design.md", "glossary.md"}
"""Pages for people who change the program; they may be longer."""


def typed() -> Iterator[str]:
    """Every command in the pages, up to where a shell takes over: in blocks, and in backquotes."""
    for page in PAGES.values():
        blocks = "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
        for line in re.findall(r"(?:^|\| |&& )(conversions [^\n]*)", blocks, re.MULTILINE):
            yield re.split(r" (?:[#>|&]|&&)(?: |$)", line)[0].strip()
        yield from re.findall(r"`(conversions [a-z][^`\n]*)`", page)


def split(command: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The command's name, and the options that it is given."""
    words = shlex.split(command)[1:]
    name = words[: 2 if words[0] in GROUPS and len(words) > 1 and not words[1].startswith("-") else 1]
    return tuple(name), frozenset(word.partition("=")[0] for word in words if word.startswith("--"))


COMMANDS = sorted({split(command) for command in typed()}, key=lambda part: (part[0], sorted(part[1])))


def test_the_help_is_what_the_program_says(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["COLUMNS"] = "120"
    main(["--help"])
    assert f"$ conversions --help\n{capsys.readouterr().out}```" in README


def test_every_exit_code_is_explained() -> None:
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert explained == {*map(int, Exit), 130}


def test_every_exit_code_has_its_line_on_the_on_call_page() -> None:
    page = PAGES[ROOT / "docs" / "on-call.md"]
    assert {int(code) for code in re.findall(r"^\| \**(\d+)\** \|", page, re.MULTILINE)} == {*map(int, Exit), 130}


def test_the_pages_name_nearly_every_command() -> None:
    assert len(COMMANDS) > 50


@pytest.mark.parametrize(("name", "options"), COMMANDS, ids=lambda part: " ".join(sorted(part)))
def test_every_command_that_is_named_exists_with_its_options(
    name: tuple[str, ...], options: frozenset[str], capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ["COLUMNS"] = "120"
    assert main([*name, "--help"]) == 0
    assert options <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGES[page]))
    assert {link for link in links if not (page.parent / link).exists()} == set()


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "docs"], ids=lambda page: page.name)
def test_a_page_is_short_and_listed_in_the_readme(page: Path) -> None:
    assert page.name in REFERENCE or len(PAGES[page].splitlines()) <= MAX_LINES_PER_PAGE
    assert f"](docs/{page.name})" in README


def test_the_changelog_begins_with_this_version() -> None:
    versions = re.findall(r"^## (\S+)", PAGES[ROOT / "CHANGELOG.md"], re.MULTILINE)
    assert versions[0] == __version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_every_script_that_is_named_exists() -> None:
    named = set(re.findall(r"scripts/\w+", "".join(PAGES.values())))
    assert {name for name in named if not (ROOT / name).is_file()} == set()


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/design.md", "docs/glossary.md"])
def test_every_path_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"(?<![\w/.-])(?:conversions|tests|config)/[\w./-]*\w", PAGES[ROOT / name]))
    assert len(named) > 20
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_glossary_is_in_alphabetical_order() -> None:
    terms = re.findall(r"^\| ([^|]+?) +\| [^|]+ \| `conversions/", PAGES[ROOT / "docs" / "glossary.md"], re.MULTILINE)
    assert len(terms) > 80
    assert terms == sorted(terms, key=str.lower)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "config" / "conversions.toml"], ids=lambda page: page.name)
def test_no_query_that_is_shown_reads_the_first_instant_after_its_window(page: Path) -> None:
    """``BETWEEN`` includes its upper bound; ``:until`` is the first instant after the window."""
    assert not re.search(r"BETWEEN\s+:since|<=\s*:until", page.read_text(encoding="utf-8"), re.IGNORECASE)
