"""A night watched by strace: which calls it makes, and what happens when the kernel fails one of them."""

import ctypes
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STRACE = shutil.which("strace")
WITHOUT = "strace is not installed (Debian package strace); `.ci/run` installs it"

WRITES = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "unlink", "link", "rename", "mkdir", "chmod")
TALKS = ("connect", "sendto", "sendmsg", "recvfrom", "recvmsg")
_LINE = re.compile(r"(?P<thread>\d+)\s+(?P<name>\w+)\((?P<arguments>.*)")
_RESUMED = re.compile(r"(?P<thread>\d+)\s+<\.\.\. (?P<name>\w+) resumed>")
_PATH = re.compile(r"^\d+<(?P<path>[^>]*)>|^(?:AT_FDCWD(?:<[^>]*>)?, )?\"(?P<name>[^\"]*)\"")
_ANYBODY = ctypes.c_ulong(-1)
_SET_PTRACER = 0x59616D61


@dataclass(frozen=True, slots=True)
class Call:
    """One system call, in the order in which they began."""

    thread: int
    name: str
    nth: int
    """Among this thread's calls of that name, from 1: what strace's ``when`` counts."""
    target: str
    """Path or socket."""


@dataclass(frozen=True, slots=True)
class Return:
    """A call that began while another thread's was under way has come back."""

    thread: int
    name: str


@contextmanager
def watched(pid: int, log: Path, calls: Sequence[str], inject: str | None = None) -> Iterator[None]:
    """Attached before the body, gone after the process has ended."""
    assert STRACE is not None, WITHOUT
    faults = ["-e", f"inject={inject}"] if inject else []
    command = [
        STRACE,
        "-f",
        "-yy",
        "-s",
        "0",
        "-o",
        str(log),
        "-e",
        f"trace={','.join(calls)}",
        *faults,
        "-p",
        str(pid),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert "attached" in said, said
        yield
        process.communicate()


def let_be_watched() -> None:
    """Where the kernel lets only parents trace: anybody may trace this process."""
    ctypes.CDLL(None).prctl(_SET_PTRACER, _ANYBODY, 0, 0, 0)


def read(log: Path) -> Iterator[Call | Return]:
    """What was called, from strace's log."""
    counts: dict[tuple[str, str], int] = {}
    for line in log.read_text(errors="replace").splitlines():
        if found := _RESUMED.match(line):
            yield Return(int(found["thread"]), found["name"])
        elif found := _LINE.match(line):
            key = found["thread"], found["name"]
            counts[key] = counts.get(key, 0) + 1
            where = _PATH.match(found["arguments"])
            target = (where["path"] or where["name"] or "") if where else ""
            yield Call(int(found["thread"]), found["name"], counts[key], target)
            if "<unfinished ...>" not in line:
                yield Return(int(found["thread"]), found["name"])
