"""The tail file: what a store that is missing, another, or an older copy is noticed by."""

import errno
import os
import shutil
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from conversions.errors import LedgerError, SettingsError
from conversions.ledger import log, runs, store
from conversions.ledger.log import head_file
from conversions.ledger.schema import tables
from tests.ledger.builders import NOW, Clock, Night

HEAD = head_file.TreeHead("store", 3, "00" * 32, "2026-11-22T05:15:00+00:00")


@pytest.fixture
def remembered(path: Path) -> Path:
    """The tail file of the store at ``path``."""
    return path.parents[1] / "tail"


def opened(path: Path, remembered: Path) -> None:
    with store.connect(path, remembered, Clock(), rehearsal=False):
        pass


def one_night(path: Path, remembered: Path, hour: int = 5) -> None:
    with store.connect(path, remembered, Clock(NOW.replace(hour=hour)), rehearsal=False) as ledger:
        night = Night(ledger, Clock(), path)
        runs.finish(ledger, night.run, {"exit_code": 0})


def grown(night: Night) -> None:
    with night.ledger.transaction() as connection:
        log.append(connection, "test", 0, {})


def test_the_last_line_is_what_was_appended_last(tmp_path: Path) -> None:
    newer = head_file.TreeHead("store", 4, "11" * 32, "2026-11-23T05:15:00+00:00")
    head_file.append(tmp_path / "tail", HEAD)
    head_file.append(tmp_path / "tail", newer)

    assert head_file.last(tmp_path / "tail") == newer
    assert len((tmp_path / "tail").read_bytes().splitlines()) == 2


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    head_file.append(tmp_path / "tail", HEAD)

    assert (tmp_path / "tail").stat().st_mode & 0o777 == 0o600


def test_a_line_is_on_disk_when_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    head_file.append(tmp_path / "tail", HEAD)
    monkeypatch.setattr(os, "fsync", lambda file: synced.append((tmp_path / "tail").read_bytes()))

    head_file.append(tmp_path / "tail", HEAD)

    assert [[orjson.loads(line)["size"] for line in content.splitlines()] for content in synced] == [[3, 3]]


def test_the_file_begins_with_a_whole_line_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(SettingsError, match="No space left"):
        head_file.append(tmp_path / "tail", HEAD)

    assert list(tmp_path.iterdir()) == []


def test_no_file_remembers_nothing(tmp_path: Path) -> None:
    assert head_file.last(tmp_path / "tail") is None


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_line_that_a_crash_cut_short_is_passed_over_and_spoils_no_other(tmp_path: Path, cut: int) -> None:
    file, newer = tmp_path / "tail", head_file.TreeHead("store", 5, "22" * 32, "later")
    head_file.append(file, HEAD)
    head_file.append(file, HEAD)
    file.write_bytes(file.read_bytes()[:-cut])

    assert head_file.last(file) == HEAD

    head_file.append(file, newer)
    assert head_file.last(file) == newer


@pytest.mark.parametrize("way", ["read", "write"])
def test_a_tail_file_out_of_reach_is_a_setting_to_correct(tmp_path: Path, way: str) -> None:
    with pytest.raises(SettingsError, match=r"tail file .* cannot be .*correct store\.tail"):
        head_file.last(tmp_path) if way == "read" else head_file.append(tmp_path, HEAD)


def test_a_new_store_is_remembered_at_once(path: Path, remembered: Path) -> None:
    line = head_file.last(remembered)

    assert line is not None
    assert (line.size, line.at) == (0, NOW.isoformat(timespec="seconds"))


def test_a_run_that_ends_lets_the_file_remember_size_and_root(night: Night, remembered: Path) -> None:
    runs.finish(night.ledger, night.run, {"exit_code": 0})

    head = night.one(select(tables.head))
    line = head_file.last(remembered)
    assert line == head_file.TreeHead(head.store_id, head.tree_size, head.root.hex(), NOW.isoformat(timespec="seconds"))


def test_a_store_that_grew_since_is_the_same(night: Night, path: Path, remembered: Path) -> None:
    for _ in range(5):
        runs.record_tree_head(night.ledger)
        grown(night)
        opened(path, remembered)


def test_another_store_in_its_place_is_refused(path: Path, remembered: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "conversions.db"
    store.create(other, tmp_path / "other tail", rehearsal=False, at=NOW)
    shutil.copy(other, path)

    with pytest.raises(LedgerError, match=r"another one than .*Restore the newest copy"):
        opened(path, remembered)


def test_an_older_copy_is_refused(path: Path, remembered: Path, tmp_path: Path) -> None:
    one_night(path, remembered)
    shutil.copy(path, tmp_path / "backup.db")
    one_night(path, remembered)
    shutil.copy(tmp_path / "backup.db", path)

    with pytest.raises(LedgerError, match=r"older copy: its log has 2 entries, .* records 4 .*would be sent again"):
        opened(path, remembered)


def test_the_copy_of_the_last_run_is_accepted(path: Path, remembered: Path, tmp_path: Path) -> None:
    one_night(path, remembered)
    shutil.copy(path, tmp_path / "backup.db")
    path.unlink()
    shutil.copy(tmp_path / "backup.db", path)

    opened(path, remembered)


def test_an_older_copy_that_grew_anew_to_the_same_size_is_noticed_by_its_root(
    path: Path, remembered: Path, tmp_path: Path
) -> None:
    shutil.copy(path, tmp_path / "backup.db")
    one_night(path, remembered)
    shutil.copy(tmp_path / "backup.db", path)
    one_night(path, tmp_path / "not the same tail", hour=6)

    with pytest.raises(LedgerError, match="differs from the line of"):
        opened(path, remembered)


def test_no_store_where_there_was_one_is_refused(path: Path, remembered: Path) -> None:
    one_night(path, remembered)
    path.unlink()

    with pytest.raises(LedgerError, match=r"is gone, but .*would send everything again.*Restore"):
        store.create(path, remembered, rehearsal=False, at=NOW)

    assert not path.exists()
