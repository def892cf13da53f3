"""Told to stop while nothing is on the wire: the run ends in order, wherever it is."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from conversions.errors import Interrupted, LedgerError, Stopped
from conversions.process.signals import SIGNALS, defer_signals, raise_on_signal


@pytest.mark.parametrize("told", SIGNALS)
def test_told_to_stop_it_stops_and_leaves_the_handlers_as_they_were(told: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in SIGNALS]

    with pytest.raises(Stopped, match="Nothing is lost"), raise_on_signal():
        os.kill(os.getpid(), told)

    assert [signal.getsignal(one) for one in SIGNALS] == before


def test_a_library_that_catches_every_exception_does_not_swallow_it() -> None:
    def luckless() -> None:
        with suppress(Exception):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped), raise_on_signal():
        luckless()


def test_one_inside_another_is_one() -> None:
    def inner() -> None:
        with raise_on_signal():
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped), raise_on_signal():
        inner()


@pytest.mark.parametrize("told", SIGNALS)
def test_ctrl_c_is_an_interruption_and_sigterm_is_none(told: signal.Signals) -> None:
    with pytest.raises(Stopped) as stopped, raise_on_signal():
        os.kill(os.getpid(), told)
    assert isinstance(stopped.value, Interrupted) is (told == signal.SIGINT)


def test_a_second_ctrl_c_does_not_disturb_the_orderly_end(capsys: pytest.CaptureFixture[str]) -> None:
    ended = []

    @contextmanager
    def orderly_end() -> Iterator[None]:
        try:
            yield
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            ended.append("in order")

    with pytest.raises(Interrupted), raise_on_signal(), orderly_end(), raise_on_signal():
        os.kill(os.getpid(), signal.SIGINT)

    assert ended == ["in order"]
    assert capsys.readouterr().err == "Ctrl-C: still waiting for the store. Nothing is lost.\n"
    with pytest.raises(Interrupted), raise_on_signal():
        os.kill(os.getpid(), signal.SIGINT)


def test_in_another_thread_signals_are_not_ours() -> None:
    went = threading.Event()

    def work() -> None:
        with raise_on_signal():
            went.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert went.is_set()


def test_what_is_done_as_a_whole_is_done_before_it_is_heard() -> None:
    done = []

    def work() -> None:
        with defer_signals():
            with defer_signals():
                os.kill(os.getpid(), signal.SIGTERM)
            done.append("the inner part")
        done.append("after the whole")

    with pytest.raises(Stopped), raise_on_signal():
        work()

    assert done == ["the inner part"]


def test_what_failed_as_a_whole_fails_for_its_own_reason_and_is_no_stop_for_the_next() -> None:
    def work() -> None:
        with defer_signals():
            os.kill(os.getpid(), signal.SIGTERM)
            raise LedgerError("for its own reason")

    with pytest.raises(LedgerError, match="own reason"), raise_on_signal():
        work()
    with raise_on_signal(), defer_signals():
        pass
