"""The run lock: one sender a store, and whoever comes second is told who is first."""

import fcntl
import os
import socket
from pathlib import Path

import pytest

from conversions.errors import AnotherRun, SettingsError
from conversions.ledger import open_ledger, runs
from conversions.ledger.store import run_lock
from conversions.settings import Settings
from tests.ledger.builders import OCCASION, Clock, shop_settings


@pytest.fixture
def settings(tmp_path: Path, path: Path) -> Settings:
    settings = shop_settings(tmp_path)
    assert settings.store_path == path
    return settings


def second(settings: Settings, wait: float = 0) -> str:
    """What the second one is told."""
    with pytest.raises(AnotherRun) as refused, run_lock.hold(settings, Clock(), wait=wait):
        pytest.fail("two hold the lock")
    return str(refused.value)


def test_it_is_free_again_when_the_holder_has_finished(settings: Settings) -> None:
    for _ in range(2):
        with run_lock.hold(settings, Clock(), wait=0):
            pass


def test_it_is_free_again_when_the_holder_failed(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), run_lock.hold(settings, Clock(), wait=0):
        raise ZeroDivisionError

    with run_lock.hold(settings, Clock(), wait=0):
        pass


def test_a_second_run_is_refused_while_the_first_holds_it_and_told_what_to_do(settings: Settings) -> None:
    with run_lock.hold(settings, Clock(), wait=0):
        said = second(settings)

    assert "Nothing was changed" in said
    assert "conversions run --wait 30m" in said


def test_the_holder_is_named_by_run_operator_host_process_and_start(settings: Settings) -> None:
    with open_ledger(settings, Clock()) as ledger:
        run = runs.begin(ledger, OCCASION)
        said = second(settings)

    assert f"run {run.id} of {runs.operator()} on {socket.gethostname()}, process {os.getpid()}" in said
    assert "since 2026-11-22 06:15 Europe/Copenhagen" in said, "in the shop's zone"


def test_a_holder_that_the_store_does_not_know_yet_has_only_just_begun(settings: Settings) -> None:
    with run_lock.hold(settings, Clock(), wait=0):
        assert "it has just started" in second(settings)


def test_a_run_that_was_killed_is_not_taken_for_the_holder(settings: Settings) -> None:
    with open_ledger(settings, Clock()) as ledger:
        runs.begin(ledger, OCCASION)
    with open_ledger(settings, Clock()) as ledger:
        runs.finish(ledger, runs.begin(ledger, OCCASION), {"exit_code": 0})

    with run_lock.hold(settings, Clock(), wait=0):
        assert "it has just started" in second(settings)


def test_the_second_one_touches_nothing(settings: Settings) -> None:
    with run_lock.hold(settings, Clock(), wait=0):
        before = settings.store_path.read_bytes()
        second(settings)

    assert settings.store_path.read_bytes() == before


def test_the_lock_is_the_kernels_so_that_a_killed_run_leaves_none_behind(settings: Settings) -> None:
    file = settings.store_path.with_name("conversions.db.lock")
    with run_lock.hold(settings, Clock(), wait=0), file.open("r+") as same, pytest.raises(BlockingIOError):
        fcntl.flock(same, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.touch()

    with run_lock.hold(settings, Clock(), wait=0):
        pass


def test_its_file_is_for_the_owner_alone(settings: Settings) -> None:
    with run_lock.hold(settings, Clock(), wait=0):
        assert settings.store_path.with_name("conversions.db.lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_that_cannot_be_taken_is_one_sentence(settings: Settings) -> None:
    settings.store_path.with_name("conversions.db.lock").mkdir()

    with (
        pytest.raises(SettingsError, match=r"The lock .* cannot be taken: .*"),
        run_lock.hold(settings, Clock(), wait=0),
    ):
        pass


def test_another_os_user_is_refused_before_the_lock_is_touched(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(SettingsError, match="belongs to user"), open_ledger(settings, Clock()):
        pass

    assert not settings.store_path.with_name("conversions.db.lock").exists()
