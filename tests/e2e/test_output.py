"""Output that nobody can take: a night sends what it would have sent, and every command ends as it would have ended."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Door
from tests.e2e.said import ATTENTION, CONFIG, NO_INPUT, USAGE
from tests.e2e.shop import NAMES, Shop

FULL = 1 << 30
CLOSED = """
import os, sys
for descriptor in map(int, sys.argv[1].split(",")):
    os.close(descriptor)
os.execv(sys.argv[2], sys.argv[2:])
"""
LIMITED = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({FULL}, {FULL}))
os.execv(sys.argv[1], sys.argv[1:])
"""
PLACES = ("nowhere", "full", "left", "limited", "reading")


@contextmanager
def place(kind: str, home: Path) -> Iterator[int]:
    """A descriptor that takes little or nothing."""
    if kind == "left":
        read, descriptor = os.pipe()
        os.close(read)
    else:
        path = {"full": "/dev/full", "limited": str(home / "log")}.get(kind, os.devnull)
        reading = kind == "reading"
        descriptor = os.open(path, os.O_RDONLY if reading else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if kind == "limited":
        os.truncate(descriptor, FULL - 20)  # sparse: there is room for a few more bytes
    yield descriptor
    os.close(descriptor)


def through(kind: str, which: str) -> list[str]:
    """The program that starts ours."""
    if kind == "nowhere":
        return [sys.executable, "-c", CLOSED, {"out": "1", "err": "2", "both": "0,1,2"}[which]]
    return [sys.executable, "-c", LIMITED] if kind == "limited" else []


@pytest.mark.parametrize(("which", "unbuffered"), [("out", ""), ("err", "1"), ("both", "")])
@pytest.mark.parametrize("kind", PLACES)
def test_what_nobody_can_take_changes_neither_the_exit_code_nor_what_is_sent(
    real_shop: Shop, kind: str, which: str, unbuffered: str
) -> None:
    shop = real_shop
    shop.environment = {"PYTHONUNBUFFERED": unbuffered}

    def code(*arguments: object) -> int:
        with place(kind, shop.home) as descriptor:
            out = subprocess.DEVNULL if which == "err" else descriptor
            err = subprocess.DEVNULL if which == "out" else descriptor
            running = shop.start(*arguments, through=through(kind, which), out=out, err=err)
            running.communicate()
            return running.returncode

    assert code("run") == NO_INPUT
    assert code("run", "--since", "tomorrow") == USAGE
    shop.orders(shop.order("1"), shop.order("2"))
    assert code("plan") == 0
    assert code("run") == 0
    shop.orders(shop.order("1"), shop.order("2"), shop.order("3", product_ids="BAD"), shop.order("4"))
    shop.sandbox.use_faults(["poison=BAD"])
    assert code("run", "--json") == ATTENTION
    for reading in (("status",), ("run", "--help")):
        assert code(*reading) == 0
    lost = which != "err" and kind in {"full", "limited", "reading"}
    for evidence in (("audit", "export"), ("audit", "show", "1")):
        assert code(*evidence) == (ATTENTION if lost else 0)
    assert [shop.received(name)["distinct"] for name in NAMES] == [3, 3]
    assert [shop.received(name)["double_counted"] for name in NAMES] == [0, 0]
    assert shop.states() == {name: {"received": 3, "quarantined": 1} for name in NAMES}
    shop.config.write_text("broken")
    assert code("status") == CONFIG


def test_a_terminal_that_is_gone_while_it_sends_ends_nothing(gated: Shop, door: Door) -> None:
    """Its window was closed while the bars were drawn."""
    gated.environment = {"TERM": "xterm"}
    gated.orders(gated.order("1"), gated.order("2"))
    window, terminal = pty.openpty()
    running = gated.start("run", out=terminal, err=terminal)
    os.close(terminal)
    door.await_both(running)
    os.close(window)
    door.open()
    running.communicate()
    assert running.returncode == 0
    assert [gated.received(name)["distinct"] for name in NAMES] == [2, 2]


def test_readers_that_leave_while_it_sends_end_nothing(gated: Shop, door: Door) -> None:
    gated.orders(gated.order("1"), gated.order("2"))
    running = gated.start("run", "--json")
    door.await_both(running)
    assert running.stdout
    assert running.stderr
    running.stdout.close()
    running.stderr.close()
    door.open()
    assert running.wait() == 0
    assert [gated.received(name)["distinct"] for name in NAMES] == [2, 2]


@pytest.mark.parametrize("kind", ["full", "limited", "reading"])
def test_a_result_that_is_lost_is_said_where_it_can_be(real_shop: Shop, kind: str) -> None:
    real_shop.orders(real_shop.order("1"))
    with place(kind, real_shop.home) as descriptor:
        running = real_shop.start("run", through=through(kind, "out"), out=descriptor)
        _, said = running.communicate()
    assert said.splitlines()[-1].startswith("Some of the output could not be written: ")


def test_a_reader_that_has_enough_is_told_nothing(real_shop: Shop) -> None:
    real_shop.orders(real_shop.order("1"))
    with place("left", real_shop.home) as descriptor:
        running = real_shop.start("run", out=descriptor)
        assert running.communicate()[1] == ""
