"""A refused command leaves nothing behind: no directory, no lock, no file."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

HEAD = '{{"store":"ab","size":5,"root":"{}","at":"2026-11-01T00:00:00+00:00"}}\n'.format("a" * 64)
ALWAYS = [
    ["adopt", "--store", "--reason", "x"],
    ["adopt", "--key", "--reason", "x"],
    ["restore", "none.db", "--yes"],
    ["restore", "conversions.toml", "--yes"],
    ["upgrade"],
    ["key", "rotate", "--reason", "x"],
    ["audit", "rotate-key", "--reason", "x"],
    ["backup", "copy.db"],
]
LOST = [["run"], ["reconcile"], ["policy", "approve", "--by", "ida", "--reason", "x"], ["privacy", "object"]]


def left(cli: Cli, settings: Path, command: list[str]) -> set[Path]:
    """New files after *command* was refused in a shop whose store's directory does not exist yet."""
    text = settings.read_text().replace("sqlite:///var/", "sqlite:///deep/var/")
    settings.write_text(text)
    before = set(settings.parent.rglob("*"))
    assert cli(*command, "--config", settings, stdin="ida@kunde.example\n").code not in {0, 70}
    return set(settings.parent.rglob("*")) - before


@pytest.mark.parametrize("command", ALWAYS, ids=" ".join)
def test_before_the_first_run(cli: Cli, settings: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.chdir(settings.parent)
    assert left(cli, settings, command) == set()


@pytest.mark.parametrize("command", [*ALWAYS, *LOST], ids=" ".join)
def test_after_the_store_was_lost(
    cli: Cli, settings: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(settings.parent)
    monkeypatch.setenv("CONVERSIONS_GOOGLE__ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("CONVERSIONS_META__ENDPOINT", "http://127.0.0.1:9")
    (settings.parent / "deep").mkdir()
    (settings.parent / "deep" / "var-conversions.tail").write_text(HEAD)
    assert left(cli, settings, command) == set()


@pytest.mark.parametrize("command", [["reconcile"], ["privacy", "object"]], ids=" ".join)
def test_where_a_store_cannot_be_made(cli: Cli, settings: Path, command: list[str]) -> None:
    (settings.parent / "deep" / "var-conversions.tail").mkdir(parents=True)
    assert left(cli, settings, command) == set()
