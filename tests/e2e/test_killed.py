"""Killed at any moment, then run again: nothing lost, nothing counted twice, nothing received that the log does not know."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from sqlalchemy import Connection

from conversions.ledger.store import Ledger
from tests.e2e.conftest import Door
from tests.e2e.said import Said
from tests.e2e.shop import NAMES, Shop

ORDERS = 7


class Killed(Exception):
    """As far as the store can tell, the process is gone."""


@contextmanager
def killed_at(nth: int, monkeypatch: pytest.MonkeyPatch, *, committed: bool) -> Iterator[Counter[str]]:
    """The *nth* transaction of a run is its last: with its commit on disk, or without. Counts transactions."""
    whole = Ledger.transaction
    turns, seen = count(1), Counter[str]()

    @contextmanager
    def transaction(self: Ledger) -> Iterator[Connection]:
        turn = next(turns)
        seen["transactions"] = turn
        if turn > nth:
            raise Killed
        with whole(self) as connection:
            yield connection
            if turn == nth and not committed:
                raise Killed
        if turn == nth:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "transaction", transaction)
        yield seen


def run_again(shop: Shop) -> Said:
    """What was begun is made good."""
    said = shop.run()
    assert said.code == 0, said
    for name in NAMES:
        assert said.at(name)["sent"] + said.at(name)["already_sent"] == ORDERS
    return said


def the_log_knows_everything_and_nothing_counts_twice(shop: Shop) -> None:
    exported = shop.exported()
    for name in NAMES:
        received = shop.received(name)
        assert (received["distinct"], received["double_counted"]) == (ORDERS, 0), name
        logged = Counter(attempt["body"].encode() for attempt in exported if attempt["destination"] == name)
        assert not Counter(shop.bodies(name)) - logged, name
        assert len(set(shop.events(name))) == ORDERS, name  # what was sent again was sent byte for byte


MOST = 90
"""Transactions of such a run, and some to spare."""


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize("nth", range(1, MOST))
def test_a_run_that_ends_with_any_of_its_transactions_is_made_good_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, nth: int, committed: bool
) -> None:
    shop.sandbox.use_faults(["429:googlex1=0", "lost:metax1"])
    shop.orders(*(shop.order(str(number)) for number in range(ORDERS)))
    with killed_at(nth, monkeypatch, committed=committed) as seen:
        assert (shop.run().code == 0) == (seen["transactions"] < nth)
    run_again(shop)
    the_log_knows_everything_and_nothing_counts_twice(shop)


def test_every_transaction_of_a_run_was_tried(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.sandbox.use_faults(["429:googlex1=0", "lost:metax1"])
    shop.orders(*(shop.order(str(number)) for number in range(ORDERS)))
    with killed_at(1000, monkeypatch, committed=True) as seen:
        assert shop.run().code == 0
    assert seen["transactions"] < MOST


def test_killed_while_the_platforms_hold_the_requests(gated: Shop, door: Door) -> None:
    gated.orders(*(gated.order(str(number)) for number in range(ORDERS)))
    running = gated.start("run", "--json")
    door.await_both(running)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert [(a["destination"], a["outcome"]) for a in gated.exported()] == [("google", None), ("meta", None)]
    door.open()
    said = run_again(gated)
    assert [said.counts(name) for name in NAMES] == [{"sent": ORDERS}] * 2
    the_log_knows_everything_and_nothing_counts_twice(gated)
    outcomes = [(a["destination"], a["purpose"], a["outcome"]) for a in gated.exported()]
    assert sorted(outcomes) == sorted(
        (name, purpose, outcome)
        for name in NAMES
        for purpose, outcome in [("first", "unknown"), ("resend", "received")]
    )
