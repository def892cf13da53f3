"""Users as messages name them, and the command that runs as one of them."""

import os
import pwd
import shlex
import shutil
from types import SimpleNamespace

import pytest

from conversions.process import users


@pytest.mark.parametrize(
    ("name", "me", "has_sudo", "start"),
    [
        ("ida", 1000, True, ["sudo", "-u", "ida"]),
        ("ida", 0, True, ["sudo", "-u", "ida"]),
        ("ida", 0, False, ["runuser", "-u", "ida", "--"]),
        ("CORP\\ida", 1000, False, ["sudo", "-u", "CORP\\ida"]),
        ("ida@corp.example", 0, False, ["sudo", "-u", "#4242"]),
        (None, 0, False, ["sudo", "-u", "#4242"]),
    ],
)
def test_the_command_suits_the_machine_and_prints_no_address(
    monkeypatch: pytest.MonkeyPatch, name: str | None, me: int, has_sudo: bool, start: list[str]
) -> None:
    def entry(_uid: int) -> SimpleNamespace:
        if name is None:
            raise KeyError
        return SimpleNamespace(pw_name=name)

    monkeypatch.setattr(pwd, "getpwuid", entry)
    monkeypatch.setattr(os, "geteuid", lambda: me)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/sudo" if has_sudo else None)
    command = users.command_as(4242, ["run", "--reason", "it's a test"])
    assert "@" not in command
    words = shlex.split(command)
    assert words[: len(start)] == start
    assert words[-3:] == ["run", "--reason", "it's a test"]
