"""Shops to test with: one in this process at a fixed time, one of processes, one whose platforms wait behind a door."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conversions.delivery import Delivery
from conversions.sandbox import Sandbox
from tests.e2e.shop import NAMES, Clock, Shop

NIGHT = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
"""06:15 in the shop: where commands run in this process, it is then."""

OpenShop = Callable[[Path], AbstractContextManager[Shop]]


@pytest.fixture
def open_shop(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> OpenShop:
    """Opens shops whose commands run in this process, at a time that stands still; where they sleep it moves on."""

    @contextmanager
    def open_one(home: Path) -> Iterator[Shop]:
        clock = Clock(NIGHT)

        async def sleep(_: Delivery, seconds: float) -> None:
            clock.now += timedelta(seconds=seconds)

        monkeypatch.setattr(Delivery, "_sleep", sleep)
        with Sandbox(clock=clock) as sandbox:
            shop = Shop(home, sandbox, capsys, monkeypatch, clock)
            yield shop
            shop.assert_silent()

    return open_one


@pytest.fixture
def shop(tmp_path: Path, open_shop: OpenShop) -> Iterator[Shop]:
    """One shop in this process."""
    with open_shop(tmp_path / "shop") as shop:
        yield shop


@pytest.fixture
def real_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop whose commands run in processes of their own, at the machine's time."""
    with Sandbox() as sandbox:
        shop = Shop(tmp_path / "shop", sandbox, capsys, monkeypatch, Clock(datetime.now(UTC)))
        yield shop
        shop.assert_silent()


class Door(Clock):
    """The sandbox's clock: while it is closed, requests arrive and are not answered; only the time is told."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))
        self._waiting, self._open = threading.Semaphore(0), threading.Event()
        self._told = threading.Semaphore(len(NAMES))

    def __call__(self) -> datetime:
        if self._told.acquire(blocking=False):
            return datetime.now(UTC)
        self._waiting.release()
        self._open.wait()
        return datetime.now(UTC)

    def open(self) -> None:
        self._open.set()

    def await_both(self, running: "subprocess.Popen[str]") -> None:
        """Return when a request to each platform stands before the door."""
        for _ in NAMES:
            while not self._waiting.acquire(timeout=0.05):
                assert running.poll() is None, running.communicate()


@pytest.fixture
def door() -> Iterator[Door]:
    """Closed, until the test opens it."""
    door = Door()
    yield door
    door.open()


@pytest.fixture
def gated(
    door: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """A shop of processes, whose platforms wait behind the door."""
    with Sandbox(clock=door) as sandbox:
        shop = Shop(tmp_path / "shop", sandbox, capsys, monkeypatch, Clock(datetime.now(UTC)))
        yield shop
        door.open()
        shop.leave_nobody()
        shop.assert_silent()
