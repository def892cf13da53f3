"""Night after night: no place lacks a checkpoint for longer than it fails, and a restore does not open a hole."""

import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from conversions import distribution
from conversions.distribution import delivery, distribute, states
from conversions.ledger import checkpoints
from conversions.ledger.checkpoints import distributed
from conversions.settings import Settings
from tests.distribution.mail_server import MailServer
from tests.ledger.builders import shop_settings

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own
NOW = datetime(2026, 12, 1, 2, 30, tzinfo=UTC)


class Nights:
    """A directory of checkpoints, and places that get them."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self._monkeypatch = home, monkeypatch
        monkeypatch.setenv("CONVERSIONS_KEY", "5c" * 32)
        shop_settings(home)

    def to(self, *addresses: str) -> None:
        quoted = ",".join(f'"{address}"' for address in addresses)
        self._monkeypatch.setenv("CONVERSIONS_STORE__CHECKPOINT_TO", f"[{quoted}]")

    @property
    def settings(self) -> Settings:
        return shop_settings(self.home)

    @property
    def directory(self) -> Path:
        self.settings.checkpoints_path.mkdir(exist_ok=True)
        return self.settings.checkpoints_path

    def write(self, size: int, text: str = "", at: datetime = NOW) -> None:
        path = self.directory / f"{size:012}.checkpoint"
        path.write_text(text or f"note of {size}")
        os.utime(path, (at.timestamp(), at.timestamp()))

    def hand_over(self) -> list[str]:
        return distribute(self.settings, lambda: NOW)

    def folder(self, name: str = "outside") -> Path:
        (self.home / name).mkdir(exist_ok=True)
        return self.home / name


def sizes(folder: Path) -> list[int]:
    return sorted(int(path.stem.split("-")[1]) for path in folder.iterdir())


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    return Nights(tmp_path, monkeypatch)


def test_nothing_happens_without_a_place(nights: Nights) -> None:
    nights.write(17)

    assert nights.hand_over() == []
    assert not (nights.directory / distributed.FILE).exists()


def test_a_new_place_begins_with_the_newest_and_gets_each_from_then_on(nights: Nights) -> None:
    outside = nights.folder()
    nights.write(17)
    nights.write(31)
    nights.to(f"file://{outside}")

    assert nights.hand_over() == []
    assert sizes(outside) == [31]
    nights.write(44)
    assert nights.hand_over() == []
    assert sizes(outside) == [31, 44]


def test_names_sort_and_carry_date_and_size(nights: Nights) -> None:
    outside = nights.folder()
    nights.to(f"file://{outside}")
    nights.write(17)
    nights.hand_over()

    [path] = outside.iterdir()
    digest = sha256(b"note of 17").hexdigest()[:8]
    assert path.name == f"20261201T023000Z-000000000017-{digest}.checkpoint"


def test_what_did_not_arrive_is_handed_over_later_without_a_hole(nights: Nights) -> None:
    outside = nights.folder()
    nights.to(f"file://{outside}")
    nights.write(17)
    assert nights.hand_over() == []
    outside.rename(nights.home / "unplugged")
    for size in (31, 44):
        nights.write(size)
        [said] = nights.hand_over()
    assert said.startswith(f"2 checkpoints have not reached file://{outside} (it cannot be written: No such file")
    assert "2026-12-01T02:30:00+00:00" in said
    assert "`conversions doctor --online`" in said
    (nights.home / "unplugged").rename(outside)
    nights.write(58)

    assert nights.hand_over() == []
    assert sizes(outside) == [17, 31, 44, 58]


def test_a_place_that_fails_does_not_keep_the_others_from_theirs(nights: Nights) -> None:
    outside = nights.folder()
    nights.to(f"file://{nights.home}/missing", f"file://{outside}")
    nights.write(17)

    [said] = nights.hand_over()
    assert "missing" in said
    assert sizes(outside) == [17]
    assert [state.waiting for state in states(nights.settings)] == [1, 0]


def test_a_place_that_is_slow_is_left_and_gets_it_later(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer() as mail:
        nights.to(mail.address)
        nights.write(17)
        mail.answers.clear()
        with monkeypatch.context() as hurried:
            hurried.setattr(distribution, "SECONDS", 0.1)
            [said] = nights.hand_over()
        assert "mailto:// (number 1 of store.checkpoint_to) (no answer within" in said
        assert "never-shown" not in said + (nights.directory / distributed.FILE).read_text()
        mail.answers.set()

        assert nights.hand_over() == []
        assert mail.messages


def test_a_place_that_fills_up_keeps_what_it_got_and_gets_the_rest_later(nights: Nights) -> None:
    outside = nights.folder()
    program = nights.home / "push"
    program.write_text(f'#!/bin/sh\n[ -e {outside}/full ] && [ "$(ls {outside} | wc -l)" -ge 3 ] && exit 1\n')
    program.write_text(program.read_text() + f"cat > {outside}/$CHECKPOINT_NAME\n")
    program.chmod(0o700)
    nights.to(f"command:{program}")
    nights.write(17)
    assert nights.hand_over() == []
    (outside / "full").touch()
    for size in (31, 44, 58):
        nights.write(size)

    [said] = nights.hand_over()
    assert said.startswith(f"2 checkpoints have not reached command:{program} (it ended with exit 1); the last one")
    (outside / "full").unlink()
    assert sizes(outside) == [17, 31]
    assert nights.hand_over() == []
    assert sizes(outside) == [17, 31, 44, 58]


def test_a_place_that_takes_its_time_gets_the_rest_later(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = nights.folder()
    nights.to(f"file://{outside}")
    nights.write(17)
    assert nights.hand_over() == []
    for size in (31, 44, 58):
        nights.write(size)
    monkeypatch.setattr(delivery, "monotonic", iter([0.0, 29.0, 31.0]).__next__)

    [said] = nights.hand_over()
    assert said.startswith(f"1 checkpoint has not reached file://{outside} (there was no time for all)")
    assert sizes(outside) == [17, 31, 44]


def test_a_place_is_not_named_in_the_file(nights: Nights) -> None:
    outside = nights.folder()
    nights.to(f"file://{outside}")
    nights.write(17)
    nights.hand_over()

    assert "outside" not in (nights.directory / distributed.FILE).read_text()
    assert (nights.directory / distributed.FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b'{"a":1}', b"\xff"])
def test_a_damaged_file_costs_no_night(nights: Nights, content: bytes) -> None:
    outside = nights.folder()
    nights.to(f"file://{outside}")
    nights.write(17)
    (nights.directory / distributed.FILE).write_bytes(content)

    assert nights.hand_over() == []
    assert sizes(outside) == [17]


def test_a_file_that_cannot_be_written_is_said(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    outside = nights.folder()
    nights.to(f"file://{outside}")
    nights.write(17)
    monkeypatch.setattr(distributed, "save", full)

    [said] = nights.hand_over()
    assert "No space left on device" in said
    assert sizes(outside) == [17]


def test_after_a_restore_the_smaller_checkpoints_of_the_new_history_go_out(nights: Nights) -> None:
    outside = nights.folder()
    nights.to(f"file://{outside}")
    nights.write(90)
    nights.write(150)
    nights.hand_over()
    checkpoints.set_aside(nights.directory, 100)
    for size in (101, 150):
        nights.write(size, f"note of {size} after the restore", NOW + timedelta(days=1))

    assert nights.hand_over() == []
    texts = [path.read_text() for path in sorted(outside.iterdir())]
    assert texts == ["note of 150", "note of 101 after the restore", "note of 150 after the restore"]
