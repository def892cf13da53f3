"""A clock that is wrong: nothing is sent by it, neither by one that went back nor by one that is days off."""

from datetime import datetime, timedelta

import pytest

from tests.e2e.said import CONFIG, stopped
from tests.e2e.shop import NAMES, Shop


def test_a_clock_that_went_back_behind_the_newest_entry_stops_the_run(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    shop.run()
    shop.orders(shop.order("1"), shop.order("2"))
    shop.wait(minutes=-6)
    kept = shop.store_bytes()
    stopped(shop.command("run"), CONFIG, "newest entry", "06:15 Europe/Copenhagen", "06:09 Europe/Copenhagen")
    assert shop.requests() == 2
    assert shop.store_bytes().keys() == kept.keys()
    assert len(shop.status()["runs"]) == 1
    shop.wait(minutes=2)
    assert shop.run().counts("meta") == {"sent": 1, "already_sent": 1}


@pytest.mark.parametrize("days", [-2, 2, 400])
def test_a_clock_that_is_days_off_the_platforms_stops_the_run_before_anything_is_sent(shop: Shop, days: int) -> None:
    shop.sandbox.now = lambda: shop.now + timedelta(days=days)
    shop.orders(shop.order())
    stopped(shop.command("run"), CONFIG, "2026-11-22 06:15", "google says", "conversions run")
    assert shop.requests() == 0
    shop.sandbox.now = shop.clock
    assert [shop.run().counts(name) for name in NAMES] == [{"sent": 1}, {"already_sent": 1}]


@pytest.mark.parametrize("hours", [-47, 47])
def test_a_clock_that_is_hours_off_is_no_matter(shop: Shop, hours: int) -> None:
    shop.sandbox.now = lambda: shop.now + timedelta(hours=hours)
    shop.orders(shop.order())
    assert shop.run().code == 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whoever is asked the time, and does not answer."""
    urls: list[str] = []
    monkeypatch.setattr("conversions.transport.http.server_date", lambda url, _: urls.append(url))
    return urls


@pytest.mark.parametrize("hours", [1, 24, 36])
def test_with_nothing_to_send_nobody_is_asked_the_time_night_after_night(
    shop: Shop, asked: list[str], hours: int
) -> None:
    shop.orders(shop.order("1", status="cancelled"))
    assert shop.run().code == 0
    asked.clear()
    shop.wait(hours=hours)
    assert shop.run().code == 0
    shop.wait(days=9)
    shop.plan(), shop.status()
    assert asked == []


def test_everybody_is_asked_once_where_the_night_before_is_missing(shop: Shop, asked: list[str]) -> None:
    """A machine that was off and a clock that jumped look alike; who does not answer keeps nobody."""
    for _ in range(2):
        shop.orders(shop.order(shop.day(0)))
        assert shop.run().counts("meta")["sent"] == 1
        assert len(asked) == len(NAMES)
        asked.clear()
        shop.wait(hours=37)


@pytest.mark.parametrize("command", ["run", "reconcile"])
@pytest.mark.parametrize("days", [6, 60, 400])
def test_a_clock_that_went_ahead_for_a_night_loses_nothing(shop: Shop, days: int, command: str) -> None:
    """By the false time orders would be too old, and verdicts not to be had any more: for good."""
    real = shop.now
    shop.sandbox.now = lambda: real
    shop.orders(shop.order("1"), shop.order("2"))
    shop.sandbox.use_faults(["429:meta"])
    assert shop.run().counts("meta") == {"pending": 2}
    shop.sandbox.use_faults([])
    kept = shop.store_bytes()
    shop.wait(days=days)
    stopped(shop.command(command), CONFIG, "google says 2026-11-22 06:15", "Set it")
    assert shop.store_bytes() == kept
    real = shop.clock.now = real + timedelta(hours=24)
    said = shop.run()
    assert (said.code, said.counts("meta"), said.at("google")["late_verdicts"]["moved"]) == (
        0,
        {"sent": 2},
        {"recorded": 2},
    )


def test_nor_does_the_very_first_night(shop: Shop) -> None:
    shop.configure(destinations={"google": None})
    real = shop.now
    shop.sandbox.now = lambda: real
    shop.orders(shop.order())
    shop.wait(days=6)
    stopped(shop.command("run"), CONFIG, "meta says")
    shop.clock.now = real
    assert shop.run().counts("meta") == {"sent": 1}


def test_a_quiet_night_in_the_future_is_not_written_down(shop: Shop) -> None:
    real = shop.now
    shop.sandbox.now = lambda: real
    shop.orders(shop.order())
    shop.run()
    shop.wait(days=400)
    stopped(shop.command("run"), CONFIG, "google says")
    real = shop.clock.now = real + timedelta(days=1)
    assert shop.run().counts("meta") == {"already_sent": 1}


def test_a_platform_whose_time_jumps_while_sending_gets_no_more(shop: Shop) -> None:
    """Asked first, both tell the time; then the answers to what is sent are dated days later."""
    told = []

    def time() -> datetime:
        told.append(1)
        return shop.now + timedelta(days=0 if len(told) <= len(NAMES) else 3)

    shop.sandbox.now = time
    shop.configure(destinations={name: {"in_flight": 1} for name in NAMES})
    shop.sandbox.use_faults(["poison=BAD"])
    shop.orders(shop.order("1"), shop.order("2"), shop.order("3", product_ids="BAD"))
    said = shop.run()
    assert said.code == CONFIG
    assert "days off" in said.at("meta")["stopped"]
    assert [shop.received(name)["requests"] for name in NAMES] == [1, 1]
