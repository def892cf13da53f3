"""Whose store it is: every other user is told the command that works."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

COMMANDS = (
    ["run", "--since", "2026-11-01", "--reason", "it's a test"],
    ["plan"],
    ["status", "--json"],
    ["doctor"],
    ["reconcile"],
    ["decide"],
    ["adopt", "--key", "--reason", "x"],
    ["backup", "copy of store.db"],
    ["restore", "copy.db"],
    ["upgrade"],
    ["audit", "list"],
    ["audit", "verify"],
    ["policy", "show"],
    ["key", "rotate", "--reason", "x"],
    ["privacy", "record"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_another_user_is_told_whose_it_is_and_the_command_that_works(
    cli: Cli, settings: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    owner = settings.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 12_345)
    monkeypatch.setenv("CONVERSIONS_CONFIG", str(settings))
    monkeypatch.setattr(sys, "argv", ["conversions", *command])
    said = cli(*command)
    assert said.code == 78
    words = shlex.split(said.everything.partition("Run: `")[2].partition("`")[0])
    assert words[:2] == ["sudo", "-u"]
    assert Path(words[3]).is_absolute()
    assert words[4:] == [*command, "--config", str(settings)]
    assert f"you are user {owner + 12_345}." in said.everything


def test_a_relative_config_becomes_absolute(cli: Cli, settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: settings.stat().st_uid + 12_345)
    monkeypatch.chdir(settings.parent)
    for typed in (["plan", "--config", "conversions.toml"], ["plan", "--config=conversions.toml"], ["plan"]):
        monkeypatch.setattr(sys, "argv", ["conversions", *typed])
        assert f" plan --config {settings}`" in cli(*typed).err
