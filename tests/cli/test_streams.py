"""Streams to which every write succeeds."""

import io
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from conversions.cli import streams

COMMAND = [sys.executable, "-m", "conversions"]


def test_a_reader_that_is_slow_gets_everything_although_nothing_blocks() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with streams.Output(write, "w") as output, os.fdopen(read, "rb") as reader:
        room = 0
        with suppress(BlockingIOError):
            while True:
                room += os.write(write, b"." * 4096)
        writer = threading.Thread(target=output.write, args=[b"the end"])
        writer.start()
        assert reader.read(room) == b"." * room
        assert reader.read(7) == b"the end"
        writer.join()


def test_when_there_is_room_again_it_goes_on(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full, streams.Output(full.fileno(), "w", closefd=False) as output:
        assert output.write(b"lost") == 4
        with (tmp_path / "log").open("w") as log:
            os.dup2(log.fileno(), full.fileno())
        assert output.write(b"kept") == 4
        assert output.loss
    assert (tmp_path / "log").read_bytes() == b"kept"


def test_what_a_caller_put_in_their_place_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = io.StringIO()
    monkeypatch.setattr(sys, "stdout", theirs)
    streams.keep_open()
    assert sys.stdout is theirs
    assert streams.loss() is None


@pytest.mark.parametrize("closed", ["0", "1", "2", "0,1", "1,2", "0,1,2"])
def test_no_file_is_opened_in_the_place_of_a_closed_descriptor(closed: str) -> None:
    code = f"""
import os
for descriptor in [{closed}]:
    os.close(descriptor)
os.execv({sys.executable!r}, [{sys.executable!r}, "-c", "import os; from conversions.cli import streams;"
    "streams.keep_open(); os._exit(os.open(os.devnull, os.O_RDONLY))"])
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode > 2


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_bytes_come_after_the_text_before_them(unbuffered: str) -> None:
    code = "from conversions.cli import streams, sys; streams.keep_open(); print('a'); sys.stdout.flush();"
    code += "sys.stdout.buffer.write(b'b' * 200_000); print('Ø')"
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=env)
    assert done.stdout == b"a\n" + b"b" * 200_000 + "Ø\n".encode("latin-1")


@pytest.mark.parametrize(
    ("arguments", "code"), [(["schema"], 0), (["--version"], 0), ([], 2), (["no-such-command"], 2)]
)
@pytest.mark.parametrize("program", [COMMAND, [str(Path(sys.executable).with_name("conversions"))]])
def test_a_reader_that_left_changes_no_exit_code(program: list[str], arguments: list[str], code: int) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*program, *arguments], stdout=write, stderr=write, check=False)
    os.close(write)
    assert done.returncode == code
