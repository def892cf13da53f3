"""Several at a time: two runs, an objection in the middle of one, a signal, a deadline."""

import os
import re
import signal

import pytest

from tests.e2e.conftest import Door
from tests.e2e.said import DOMAIN, TRY_AGAIN, stopped
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop


def test_a_second_run_says_who_runs_while_it_runs_and_touches_nothing(gated: Shop, door: Door) -> None:
    gated.orders(gated.order())
    running = gated.start("run", "--json")
    door.await_both(running)
    kept = gated.store_bytes()
    second = gated.run()
    stopped(second, TRY_AGAIN, "run 1", f"process {running.pid}")
    assert gated.store_bytes() == kept
    gated.plan(), gated.status()  # nobody has to wait for these
    door.open()
    assert gated.finish(running).counts("meta") == {"sent": 1}
    assert [gated.received(name)["requests"] for name in NAMES] == [1, 1]
    assert gated.run().counts("meta") == {"already_sent": 1}


def test_a_run_may_wait_for_another(gated: Shop, door: Door) -> None:
    gated.orders(gated.order())
    running = gated.start("run", "--json")
    door.await_both(running)
    waiting = gated.start("run", "--json", "--wait", "24h")
    door.open()
    assert gated.finish(running).counts("meta") == {"sent": 1}
    assert gated.finish(waiting).counts("meta") == {"already_sent": 1}
    assert [gated.received(name)["requests"] for name in NAMES] == [1, 1]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("429x1=0", "objection"), ("lostx1", "maybe_received")],
)
def test_an_objection_binds_from_the_next_attempt_of_a_run_under_way(
    gated: Shop, door: Door, fault: str, reason: str
) -> None:
    gated.orders(gated.order("1"), gated.order("2"))
    gated.sandbox.use_faults([fault])
    running = gated.start("run", "--json")
    door.await_both(running)
    gated.objection(f"  IDA.1@{DOMAIN.upper()}\n")
    door.open()
    said = gated.finish(running)
    assert [said.counts(name) for name in NAMES] == [{"sent": 1, "withheld": {reason: 1}}] * 2
    for name in NAMES:
        first, second = gated.bodies(name)
        assert digest(f"ida.1@{DOMAIN}").encode() in first
        assert digest(f"ida.1@{DOMAIN}").encode() not in second


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_told_to_stop_it_settles_what_is_under_way_and_leaves_the_rest(
    gated: Shop, door: Door, signal_name: str
) -> None:
    gated.orders(gated.order())
    running = gated.start("run", "--json")
    door.await_both(running)
    running.send_signal(getattr(signal, signal_name))
    door.open()
    said = gated.finish(running)
    assert said.code == 0, said
    assert [said.counts(name) for name in NAMES] == [{"sent": 1}] * 2
    assert "waiting for the answers to requests under way" in said.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, TRY_AGAIN), (signal.SIGINT, 130)])
def test_told_to_stop_while_it_reads_it_ends_in_order(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    def told(*_: object) -> None:
        os.kill(os.getpid(), number)

    shop.orders(shop.order())
    with monkeypatch.context() as patched:
        patched.setattr("conversions.run.staging.read_snapshot", told)
        stopped(shop.command("run"), code, "told to stop", "Nothing is lost")
    assert shop.requests() == 0
    assert [run["exit_code"] for run in shop.status()["runs"]] == [code]
    assert shop.run().counts("meta") == {"sent": 1}


def test_a_deadline_with_nothing_left_to_send_is_a_good_end(shop: Shop) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    shop.configure(deadline="0s")
    assert shop.run().code == 0


def test_a_platform_that_asks_for_more_patience_than_the_deadline_has_is_left_for_the_next_run(shop: Shop) -> None:
    shop.sandbox.use_faults(["429=86400"])
    shop.orders(shop.order())
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (TRY_AGAIN, {"pending": 1}, {"pending": 1})
    assert shop.requests() == 2


def test_what_waits_and_until_when_is_said(shop: Shop) -> None:
    """The last second of the purchase day, and the age limits of 7 and 60 days less six hours."""
    shop.sandbox.use_faults(["503"])
    shop.configure(deadline="1s")
    shop.orders(shop.order("1"), shop.order("2", purchased_at=f"{shop.day(1)} 12:00"))
    said = shop.command("run")
    assert said.code == TRY_AGAIN
    assert re.search(r"2 orders wait for meta.* 2026-11-27 17:59", said.err)
    assert re.search(r"2 orders wait for google.* 2027-01-19 17:59", said.err)


def test_a_waiting_order_whose_row_is_gone_is_not_sent_unseen(shop: Shop) -> None:
    shop.configure(deadline="0s")
    shop.orders(shop.order("1"), shop.order("2"))
    assert shop.run().code == TRY_AGAIN
    shop.configure()
    shop.orders(shop.order("2"))
    assert shop.run().counts("meta") == {"sent": 1}
    assert shop.states() == {name: {"pending": 1, "received": 1} for name in NAMES}
    assert [sale.digest for sale in shop.sales("meta")] == [digest(f"ida.2@{DOMAIN}")]
