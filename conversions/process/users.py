"""Users of this machine, as messages name them, and the check that files belong to the user of this process."""

import os
import pwd
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def name_of(uid: int) -> str:
    """Return the user's name and number, such as ``ida (1000)``; the number alone where it has no name."""
    name = _login(uid)
    return f"{name} ({uid})" if name else str(uid)


def other_owner(path: Path) -> int | None:
    """Return the owner's number where *path*, or the directory that hides it, belongs to another user."""
    for entry in (path, *path.parents):
        try:
            owner = entry.stat().st_uid
        except PermissionError:
            continue
        except OSError:
            return None
        return owner if owner != os.geteuid() else None
    return None


def command_as(uid: int, arguments: Sequence[str]) -> str:
    """Return the shell command that runs this program with *arguments* as the user *uid*."""
    name = _login(uid)
    if os.geteuid() == 0 and name and not shutil.which("sudo"):
        return f"runuser -u {shlex.quote(name)} -- {program()} {shlex.join(arguments)}"
    return f"sudo -u {shlex.quote(name or f'#{uid}')} {program()} {shlex.join(arguments)}"


def program() -> str:
    """Return the shell command that starts this installation from any directory."""
    return shlex.join(program_words())


def program_words() -> list[str]:
    """Return the words of the command that starts this installation from any directory."""
    script = Path(sys.executable).with_name("conversions")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "conversions"]


def _login(uid: int) -> str | None:
    """The user's name; None where it has none, or one like an address (``ida@corp``), which is not printed."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
    return None if "@" in name else name
