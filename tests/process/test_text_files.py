"""Settings, policy and secrets: nobody else may change them, and they are text in UTF-8."""

import os
import re
from pathlib import Path

import pytest

from conversions.errors import SettingsError
from conversions.process import text_files


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir(mode=0o755)
    path = tmp_path / "shop" / "conversions.toml"
    path.write_text("shop = 'Ø'")
    path.chmod(0o644)
    return path


def test_a_byte_order_mark_is_no_part_of_the_text(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfshop = '\xc3\x98'")
    assert text_files.read(file) == "shop = 'Ø'"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_another_encoding_is_one_sentence(file: Path, encoding: str) -> None:
    file.write_text("shop = 'Ø'", encoding=encoding)
    with pytest.raises(SettingsError, match=rf"{file} is not text in UTF-8.*Save it as UTF-8"):
        text_files.read(file)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_is_refused_with_the_command_that_ends_it(file: Path, mode: int) -> None:
    file.chmod(mode)
    os.chown(file, -1, 65_534 if os.geteuid() == 0 else -1)
    if os.geteuid() != 0 and mode == 0o664:
        file.chmod(0o666)  # the user's own group is no other user
    with pytest.raises(SettingsError) as refused:
        text_files.read(file)
    command = re.search("`(.*)`", str(refused.value))
    assert command is not None
    assert os.system(command[1]) == 0
    assert text_files.read(file)


def test_a_link_is_as_private_as_its_target_and_a_directory_does_not_count(tmp_path: Path, file: Path) -> None:
    link = tmp_path / "conversions.toml"
    link.symlink_to(file)
    file.parent.chmod(0o777)
    assert text_files.read(link)
    file.chmod(0o666)
    with pytest.raises(SettingsError, match="Other users may write"):
        text_files.read(link)


def test_a_file_of_a_third_user_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if file.stat().st_uid == 0:
        os.chown(file, 4242, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(SettingsError, match="who could change what is sent"):
        text_files.read(file)
