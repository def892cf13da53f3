"""Told to stop while nothing is on the wire: the run ends in order, wherever it is."""

import os
import signal
import threading
from contextlib import suppress

import pytest

from conversions.errors import LedgerError, Stopped
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
