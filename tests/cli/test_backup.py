"""``conversions backup``, ``restore`` and ``upgrade`` as a person reads them."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def lost(settings: Path, cli: Cli) -> Path:
    """A store with one objection in it, its copy, and no store any more; the settings."""
    assert cli("privacy", "object", "--config", settings, stdin="ida@kunde.example").code == 0
    said = cli("backup", settings.parent / "copy.db", "--config", settings)
    assert said.code == 0, said
    (settings.parent / "var" / "conversions.db").unlink()
    return settings


def test_a_backup_says_what_it_holds_and_what_it_does_not(lost: Path, cli: Cli) -> None:
    restored = cli("restore", lost.parent / "copy.db", "--yes", "--config", lost)
    again = cli("backup", lost.parent / "again.db", "--config", lost)

    assert restored.code == again.code == 0
    assert "log entries, the newest of" in again.out
    assert "CONVERSIONS_KEY is not in it" in again.err


def test_a_person_is_asked_first_and_may_say_no(lost: Path, cli: Cli) -> None:
    said = cli("restore", lost.parent / "copy.db", "--config", lost, stdin="n\n", terminal=True)

    assert said.code == 130
    assert "The copy has" in said.err
    assert not (lost.parent / "var" / "conversions.db").exists()


def test_a_person_who_says_yes_is_told_what_comes_next(lost: Path, cli: Cli) -> None:
    said = cli("restore", lost.parent / "copy.db", "--config", lost, stdin="y\n", terminal=True)

    assert said.code == 0, said
    assert "later ones are lost" in said.out
    for command in ("conversions run", "conversions decide", "conversions plan"):
        assert command in said.err


def test_a_reason_is_kept_in_clear_and_holds_no_address(lost: Path, cli: Cli) -> None:
    said = cli("restore", lost.parent / "copy.db", "--yes", "--reason", "ida@kunde.example", "--config", lost)

    assert said.code == 2
    assert "kunde" not in said.everything


def test_an_upgrade_that_is_not_needed_says_so(settings: Path, cli: Cli) -> None:
    assert cli("privacy", "object", "--config", settings, stdin="ida@kunde.example").code == 0

    said = cli("upgrade", "--config", settings)

    assert said.code == 0
    assert "nothing to do" in said.out
