"""Who did it: the kernel is believed, the environment is not."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from conversions.process import operator as module
from conversions.process.operator import operator

ME, ANNA = 0, 1000
NOBODY_LOGGED_IN = str(2**32 - 1)
Tree = Callable[..., None]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A kernel that says who logged in, and which processes are above this one, from the nearest: (name, user)."""

    def plant(*ancestors: tuple[str, int], login: str = NOBODY_LOGGED_IN) -> None:
        (tmp_path / "self").mkdir()
        (tmp_path / "self" / "loginuid").write_text(login)
        for number, (name, user) in enumerate(ancestors, start=50):
            parent = number + 1 if number - 50 < len(ancestors) - 1 else 1
            (tmp_path / str(number)).mkdir()
            text = f"Name:\t{name}\nPPid:\t{parent}\nUid:\t{user}\t{user}\t{user}\t{user}\n"
            (tmp_path / str(number) / "status").write_text(text)

    people = {ME: "root", ANNA: "anna", 998: "conversions"}

    def named(user: int) -> pwd.struct_passwd:
        return pwd.struct_passwd((people[user], "x", user, user, "", "", ""))

    monkeypatch.setattr(module, "PROC", tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: ME)
    monkeypatch.setattr(os, "getppid", lambda: 50)
    monkeypatch.setattr(pwd, "getpwuid", named)
    return plant


def test_user_and_logname_are_not_believed(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(("bash", ME))
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "kirsten.dahl")
    assert operator() == "root (uid 0)"


def test_who_logged_in_stays_known_behind_sudo_and_su(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(("bash", ME), login=str(ANNA))
    assert operator() == "root (uid 0), by login of anna (uid 1000)"
    monkeypatch.setenv("SUDO_UID", str(ANNA))
    assert operator() == "root (uid 0), by sudo of anna (uid 1000)"
    monkeypatch.setenv("SUDO_UID", "998")
    assert operator() == "root (uid 0), by login of anna (uid 1000)"


def test_sudo_in_the_process_tree_names_its_caller(tree: Tree) -> None:
    tree(("sh", ME), ("sudo", ME), ("sudo", ME), ("bash", ANNA))
    assert operator() == "root (uid 0), by sudo of anna (uid 1000)"


def test_a_process_that_only_calls_itself_sudo_proves_nothing(tree: Tree) -> None:
    tree(("sudo", 998), ("bash", ANNA))
    assert operator() == "root (uid 0)"


def test_the_environment_alone_is_a_claim(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(("bash", ME))
    monkeypatch.setenv("SUDO_UID", str(ANNA))
    assert operator() == "root (uid 0), by sudo of anna (uid 1000), as its environment claims"


@pytest.mark.parametrize("claim", ["", "anna", "-1", "4294967295", "9" * 30, "²", "0"])
def test_a_claim_that_is_no_other_user_says_nothing(tree: Tree, monkeypatch: pytest.MonkeyPatch, claim: str) -> None:
    tree(("bash", ME))
    monkeypatch.setenv("SUDO_UID", claim)
    assert operator() == "root (uid 0)"


def test_a_user_without_a_name_is_a_number(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree()
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert operator() == "uid 4711"
