"""Who started this process: the operating system's user by number, and the person who called ``sudo``.

``USER`` and ``LOGNAME`` are never believed, because the caller sets them. The person behind another user is known

- by ``/proc/self/loginuid``, which is set at login and inherited, and which only root can change after that;
- by ``sudo`` in the process tree: only root can start a process of root, and its parent is the caller's shell;
- by ``SUDO_UID`` as a claim only, because the caller could have set it.
"""

import os
import pwd
import re
from pathlib import Path

PROC = Path("/proc")
NO_USER = 2**32 - 1
"""The ``loginuid`` of a process that began without a login, such as one of a timer."""


def operator() -> str:
    """The user, for example ``root (uid 0), by sudo of anna (uid 1000)``."""
    user, claimed = os.getuid(), _number(os.environ.get("SUDO_UID", ""))
    login, caller = _login(), _sudo_caller()
    if login is not None:
        return _text(user, login, "sudo" if login in {caller, claimed} else "login")
    if caller is not None:
        return _text(user, caller, "sudo")
    return _text(user, claimed, "sudo", ", as its environment claims")


def _text(user: int, person: int | None, way: str, doubt: str = "") -> str:
    behind = "" if person in {None, user} else f", by {way} of {_named(person)}{doubt}"
    return f"{_named(user)}{behind}"


def _named(user: int | None) -> str:
    """The number with its name in the password database, or the number alone."""
    try:
        return f"{pwd.getpwuid(user or 0).pw_name} (uid {user})"
    except KeyError:
        return f"uid {user}"


def _login() -> int | None:
    return _number(_read("self/loginuid"))


def _sudo_caller() -> int | None:
    """The user of the first ancestor above ``sudo``; None where no ancestor of this process is ``sudo`` of root."""
    process, below_sudo = os.getppid(), False
    while process > 1:
        status = dict(re.findall(r"^(\w+):\t(.*)$", _read(f"{process}/status"), re.MULTILINE))
        user = _number(status.get("Uid", "").partition("\t")[0])
        if status.get("Name") == "sudo" and user == 0:
            below_sudo = True
        elif below_sudo:
            return user
        process = _number(status.get("PPid", "")) or 0
    return None


def _read(name: str) -> str:
    """The text of a file of the kernel; empty where it hides it."""
    try:
        return (PROC / name).read_text(errors="replace").strip()
    except OSError:
        return ""


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) < NO_USER else None
