"""A platform that begins to answer and never ends: nobody knows whether it holds the orders, and the night goes on."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from conversions.transport import connections
from tests.e2e.said import TRY_AGAIN
from tests.e2e.shop import Shop


class Endless:
    """Tells the time to whoever asks, and everybody else to go on."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.posted = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._answer, args=self._listener.accept()[:1], daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            if peer.recv(65536).startswith(b"HEAD"):
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                return
            self.posted.set()
            while True:
                peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.01)


class Looks(threading.local):
    """A clock for each thread: a second has gone by with each look at it."""

    seconds = 0

    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds


@contextmanager
def endless() -> Iterator[Endless]:
    server = Endless()
    try:
        yield server
    finally:
        server.close()


def test_told_to_stop_it_waits_no_longer_than_an_answer_may_take(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "time", Looks())
    shop.orders(shop.order())
    with endless() as server:
        shop.configure(destinations={"meta": {"endpoint": server.url}})

        def tell() -> None:
            server.posted.wait()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=tell).start()
        said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (TRY_AGAIN, {"sent": 1}, {"unknown": 1})
    shop.configure()
    assert shop.run().counts("meta") == {"sent": 1}
