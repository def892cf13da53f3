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
    """Raise SettingsError, with the command that corrects it, where another user may change *path*.

    Its directories count, too: whoever may write in one of them can put another file in its place. The sticky bit of a
    directory such as /tmp forbids that. OpenSSH checks its own files in the same way (``StrictModes``).
    """
    for entry in {path.absolute(), path.resolve()}:
        for owned in (entry, entry.parent):
            _check_owner(owned)
        for part in (entry, *entry.parents):
            _check_mode(part)


def _check_owner(entry: Path) -> None:
    status = _status(entry)
    if status and status.st_uid not in {0, os.geteuid()}:
        raise SettingsError(
            f"{entry} belongs to user {name_of(status.st_uid)}, who could change what is sent; you are user "
            f"{name_of(os.geteuid())}. If it is yours: `sudo chown {os.geteuid()} {shlex.quote(str(entry))}`."
        )


def _check_mode(entry: Path) -> None:
    status = _status(entry)
    if status is None or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return  # a pipe
    if os.statvfs(entry).f_flag & os.ST_RDONLY:
        return  # a container's settings
    shared = status.st_mode & GROUP_AND_OTHERS
    if shared & stat.S_IWGRP and _is_private_group(status):
        shared &= ~stat.S_IWGRP
    if shared and not (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        raise SettingsError(
            f"Other users may write {entry}, and so could change what is sent; run "
            f"`chmod go-w {shlex.quote(str(entry))}`."
        )


def _is_private_group(status: os.stat_result) -> bool:
    """Whether the group is the owner's own, as on systems that give each user one (umask 002)."""
    try:
        owner, group = pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    return group.gr_name == owner and set(group.gr_mem) <= {owner}


def _status(entry: Path) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        return None
