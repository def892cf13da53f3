"""Tail file and checkpoints that are missing, cut or filled up; what a kill or a setting explains is no finding."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from conversions.audit.verify import verify
from conversions.cli import main
from conversions.errors import Exit
from conversions.ledger import checkpoints, open_ledger
from conversions.ledger.log import head_file
from tests.audit.rich_store import upgraded_store
from tests.audit.shop import SATURDAY, SUNDAY, Shop, new_shop

MONDAY = SUNDAY + timedelta(days=1)


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


def findings(shop: Shop) -> list[str]:
    return [str(each) for each in verify.verify(verify.log_location(shop.settings)).findings]


def lines(shop: Shop) -> list[bytes]:
    return shop.settings.tail_path.read_bytes().splitlines(keepends=True)


def files(shop: Shop) -> list[Path]:
    return list(checkpoints.checkpoint_files(shop.settings.checkpoints_path))


def remove_tail(shop: Shop) -> None:
    shop.settings.tail_path.unlink()


def empty_tail(shop: Shop) -> None:
    shop.settings.tail_path.write_bytes(b"")


def cut_tail(shop: Shop) -> None:
    shop.settings.tail_path.write_bytes(b"".join(lines(shop)[:-1]))


def fill_tail(shop: Shop) -> None:
    shop.settings.tail_path.write_bytes(lines(shop)[0] + b"{}\n" * (len(lines(shop)) - 1))


def blacken_line(shop: Shop) -> None:
    shop.settings.tail_path.write_bytes(b"".join([*lines(shop)[:1], b"{}\n", *lines(shop)[2:]]))


def garble_line(shop: Shop) -> None:
    shop.settings.tail_path.write_bytes(b"".join([*lines(shop), b"not a line\n"]))


def remove_checkpoints(shop: Shop) -> None:
    shutil.rmtree(shop.settings.checkpoints_path)


def remove_first_checkpoint(shop: Shop) -> None:
    files(shop)[0].unlink()


def remove_last_checkpoint(shop: Shop) -> None:
    files(shop)[-1].unlink()


def remove_all(shop: Shop) -> None:
    remove_tail(shop)
    remove_checkpoints(shop)


@pytest.mark.parametrize(
    ("alter", "expected", "code"),
    [
        (remove_tail, "the tail file lacks 2 of 2 lines", Exit.ATTENTION),
        (empty_tail, "the tail file lacks 2 of 2 lines", Exit.ATTENTION),
        (cut_tail, "the tail file lacks 1 of 2 lines", Exit.ATTENTION),
        (fill_tail, "line 2 of the tail file is not a line of a run", Exit.STORE),
        (blacken_line, "the tail file lacks 1 of 2 lines", Exit.STORE),
        (garble_line, "line 4 of the tail file is not a line of a run", Exit.STORE),
        (remove_checkpoints, "the checkpoint directory lacks 2 of 2 checkpoints", Exit.ATTENTION),
        (remove_first_checkpoint, "the checkpoint directory lacks 1 of 2 checkpoints", Exit.ATTENTION),
        (remove_last_checkpoint, "the checkpoint directory lacks 1 of 2 checkpoints", Exit.ATTENTION),
        (remove_all, "the checkpoint directory lacks 2 of 2 checkpoints", Exit.ATTENTION),
    ],
)
def test_anchors_that_are_not_there_are_found(
    shop: Shop, alter: Callable[[Shop], None], expected: str, code: Exit
) -> None:
    """What is only missing is exit 1; what was altered is 74."""
    assert findings(shop) == []
    alter(shop)

    assert any(expected in each for each in findings(shop)), findings(shop)
    assert verify.verify(verify.log_location(shop.settings)).exit_code == code


def test_the_command_tells_what_is_missing_from_what_was_altered(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["audit", "verify", "--config", str(shop.home / "conversions.toml")]
    remove_checkpoints(shop)
    assert main(command) == Exit.ATTENTION
    assert capsys.readouterr().out.startswith("What proves the log is not complete: the checkpoint directory lacks")

    with shop.tampered() as store:
        store.execute("UPDATE leaf SET body = body || ' ' WHERE seq = 1")
    assert main(command) == Exit.STORE


def test_the_next_run_does_not_hide_it(shop: Shop) -> None:
    remove_all(shop)
    shop.sends(MONDAY)

    assert any("the checkpoint directory lacks" in each for each in findings(shop))
    assert any("the tail file lacks" in each for each in findings(shop))


@pytest.mark.parametrize("keeps_line", [True, False])
def test_the_next_run_writes_what_a_kill_at_the_very_end_prevented(shop: Shop, *, keeps_line: bool) -> None:
    remove_last_checkpoint(shop)
    if not keeps_line:
        cut_tail(shop)
    assert findings(shop)
    shop.sends(MONDAY)

    assert findings(shop) == []
    assert len(files(shop)) == 3


def test_a_whole_tail_and_checkpoint_are_not_written_twice(shop: Shop) -> None:
    before = lines(shop), files(shop)

    with open_ledger(shop.settings, shop.clock):
        pass

    assert (lines(shop), files(shop)) == before


def test_zeros_that_a_power_failure_left_are_no_finding(shop: Shop) -> None:
    with shop.settings.tail_path.open("ab") as tail:
        tail.write(bytes(40))

    assert findings(shop) == []


def test_places_that_the_settings_named_before_are_not_expected_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = new_shop(tmp_path / "shop")
    shop.sells(1, date(2026, 11, 19))
    shop.sends(SATURDAY)
    monkeypatch.setenv("CONVERSIONS_STORE__TAIL", str(tmp_path / "elsewhere.tail"))
    monkeypatch.setenv("CONVERSIONS_STORE__CHECKPOINTS", str(tmp_path / "elsewhere"))
    shop.sends(SUNDAY)

    assert len(files(shop)) == 2, "the checkpoint that the new place lacked, and the run's"
    assert findings(shop) == []
    shop.settings.tail_path.unlink()
    assert any("1 of 1 lines" in each for each in findings(shop))


def test_the_newest_line_is_read_by_the_next_run(shop: Shop) -> None:
    """The line that replaces a missing one records the log as it stands, so that a run still refuses an older copy."""
    cut_tail(shop)
    with open_ledger(shop.settings, shop.clock):
        pass

    newest = head_file.last(shop.settings.tail_path)
    assert newest is not None
    assert newest.size == int(files(shop)[-1].stem)


def release(home: Path, *, keeps: Callable[[int], bool]) -> list[str]:
    """The findings on a store of the last release, upgraded with those of its checkpoints that *keeps* chooses."""
    settings = upgraded_store(home)
    old = list(checkpoints.checkpoint_files(settings.checkpoints_path))[:-1]
    for at, path in enumerate(old):
        if not keeps(at):
            path.unlink()
    result = verify.verify(verify.log_location(settings))
    return [*map(str, result.findings), *(note for note in result.notes if "before the upgrade" in note)]


def test_a_store_that_was_upgraded_elsewhere_may_have_left_its_checkpoints_there(tmp_path: Path) -> None:
    assert release(tmp_path / "all", keeps=lambda _: True) == []
    assert release(tmp_path / "none", keeps=lambda _: False) == [
        "No checkpoint from before the upgrade in entry 282 is there."
    ]
    [lacking] = release(tmp_path / "some", keeps=lambda at: at % 2 == 0)
    assert "the checkpoint directory lacks" in lacking


def test_an_upgrade_leaves_a_line_too(tmp_path: Path) -> None:
    settings = upgraded_store(tmp_path / "shop")
    lines = settings.tail_path.read_bytes().splitlines(keepends=True)
    settings.tail_path.write_bytes(b"".join(lines[:-1]))

    assert "the tail file lacks 1 of 25 lines" in verify.verify(verify.log_location(settings)).sentence
