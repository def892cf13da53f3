"""Text files that decide what is sent: settings, policy and ``.env``. No other user may change them."""

import codecs
import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from conversions.errors import SettingsError
from conversions.process.users import name_of

GROUP_AND_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def read(path: Path) -> str:
    """Return the text of *path* without a byte order mark.

    Raises SettingsError where the text is not UTF-8, or where another user may change the file; OSError where it cannot
    be read.
    """
    check_private(path)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None or "\0" in text:
        raise SettingsError(
            f"{path} is not text in UTF-8{_guess(content)}. Save it as UTF-8: in Notepad, Save as, Encoding UTF-8."
        )
    return text


def _guess(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or 3 * content.count(0) > len(content):
        return " but in UTF-16"
    if b"\0" in content:
        return " but holds binary data"
    line = 1 + content.count(b"\n", 0, _first_bad_byte(content))
    return f", but probably in Windows-1252 (line {line})"


def _first_bad_byte(content: bytes) -> int:
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def check_private(path: Path) -> None:
    """Raise SettingsError, with the command that corrects it, where another user owns or may write *path*.

    Directories do not count, as for keys: a shop's folder may be writable for a group that exports orders into it.
    """
    try:
        status = path.stat()
    except OSError:
        return  # who reads it says so
    _check_owner(path, status)
    _check_mode(path, status)


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in {0, os.geteuid()}:
        raise SettingsError(
            f"{path} belongs to user {name_of(status.st_uid)}, who could change what is sent; you are user "
            f"{name_of(os.geteuid())}. If it is yours: `sudo chown {os.geteuid()} {shlex.quote(str(path))}`."
        )


def _check_mode(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or os.statvfs(path).f_flag & os.ST_RDONLY:
        return  # a pipe, or a container's settings
    shared = status.st_mode & GROUP_AND_OTHERS
    if shared & stat.S_IWGRP and _is_private_group(status):
        shared &= ~stat.S_IWGRP
    if shared:
        raise SettingsError(
            f"Other users may write {path}, and so could change what is sent; run `chmod go-w "
            f"{shlex.quote(str(path))}`."
        )


def _is_private_group(status: os.stat_result) -> bool:
    """Whether the group is the owner's own, as on systems that give each user one (umask 002)."""
    try:
        owner, group = pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    return group.gr_name == owner and set(group.gr_mem) <= {owner}
