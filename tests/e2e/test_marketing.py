"""Marketing reruns days by hand: sees beforehand what will happen, in orders, money and time, and is asked."""

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import Door
from tests.e2e.said import Json
from tests.e2e.shop import NAMES, ROOT, ZONE, Shop


def on_a_terminal(shop: Shop, *arguments: object, typed: str = "", out: Path | None = None) -> tuple[int, str]:
    """``conversions …`` with a pseudo-terminal for a keyboard and screen: its exit code, and what was on the screen.

    With *out* its results go to that file.
    """
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "conversions", *map(str, arguments), "--config", str(shop.config)]
    environment = {**os.environ, "NO_GCE_CHECK": "true", "TERM": "dumb"}
    os.write(keyboard, typed.encode())
    with out.open("wb") if out else nullcontext(terminal) as results:
        running = subprocess.Popen(command, stdin=terminal, stdout=results, stderr=terminal, cwd=ROOT, env=environment)
    os.close(terminal)
    screen = b""
    try:
        while part := os.read(keyboard, 65536):
            screen += part
    except OSError:  # as Linux says that nobody holds the terminal any more
        pass
    finally:
        os.close(keyboard)
    return running.wait(), screen.decode(errors="replace")


@pytest.fixture
def stocked(real_shop: Shop) -> Shop:
    real_shop.orders(real_shop.order("1"), real_shop.order("2", total="50.00"))
    return real_shop


def days(shop: Shop) -> tuple[str, ...]:
    return "--since", shop.day(3), "--until", shop.day(1)


class TestAsking:
    def test_a_run_with_dates_shows_the_plan_and_asks(self, stocked: Shop) -> None:
        code, screen = on_a_terminal(stocked, "run", *days(stocked), typed="n\n")
        assert (code, stocked.requests()) == (130, 0)
        assert not stocked.store.exists()
        assert "Plan, nothing is sent" in screen
        assert re.search(r"DKK +150\.00", screen)
        assert "Send this now?" in screen

    def test_yes_sends_what_was_shown(self, stocked: Shop) -> None:
        code, screen = on_a_terminal(stocked, "run", *days(stocked), typed="y\n")
        assert (code, stocked.received("meta")["events"]) == (0, 2), screen

    def test_what_is_shown_beforehand_is_no_result(self, stocked: Shop) -> None:
        results = stocked.home / "run.json"
        code, screen = on_a_terminal(stocked, "run", *days(stocked), "--json", typed="y\n", out=results)
        assert (code, json.loads(results.read_text())["exit_code"]) == (0, 0)
        assert "Plan, nothing is sent" in screen

    def test_with_the_option_nobody_is_asked(self, stocked: Shop) -> None:
        code, screen = on_a_terminal(stocked, "run", *days(stocked), "--yes")
        assert (code, stocked.received("meta")["events"]) == (0, 2), screen
        assert "Send this now?" not in screen

    def test_the_night_is_not_asked(self, stocked: Shop) -> None:
        code, screen = on_a_terminal(stocked, "run")
        assert (code, stocked.received("meta")["events"]) == (0, 2), screen
        assert "Send this now?" not in screen

    def test_a_restatement_shows_old_and_new_in_money_and_asks(self, stocked: Shop) -> None:
        assert stocked.process("run").code == 0
        stocked.orders(stocked.order("1", total="80.00"), stocked.order("2", total="50.00"))
        code, screen = on_a_terminal(stocked, "run", "--restate", typed="n\n")
        assert (code, stocked.received("google")["value"]) == (130, {"DKK": "150.0"})
        assert "1 order from 100.00 DKK to 80.00 DKK" in screen

    def test_a_plan_says_what_a_restatement_would_change_in_money(self, shop: Shop) -> None:
        shop.orders(shop.order("1"), shop.order("2", total="50.00"))
        assert shop.run().code == 0
        shop.wait(hours=2)
        assert shop.run().code == 0  # Google says that it has recorded them
        shop.orders(shop.order("1", total="80.00"), shop.order("2", total="45.00"))
        said = shop.command("plan").out
        would = "`conversions run --restate` would correct 2 orders from 150.00 DKK to 125.00 DKK"
        assert would in section(said, "google")
        assert "not corrected: 2 orders from 150.00 DKK to 125.00 DKK; this platform takes no corrections" in section(
            said, "meta"
        )

    def test_without_a_terminal_nobody_is_asked(self, stocked: Shop) -> None:
        assert stocked.process("run", *days(stocked)).code == 0


class TestTime:
    def test_a_plan_says_until_when_its_orders_can_be_sent(self, shop: Shop) -> None:
        shop.orders(shop.order("1"), shop.order("2", purchased_at=f"{shop.day(4)} 12:00:00"))
        said = shop.command("plan").out
        first = {
            name: datetime.fromisoformat(shop.day(4)).replace(hour=23, minute=59, second=59, tzinfo=ZONE) + age
            for name, age in (("google", timedelta(days=60, hours=-6)), ("meta", timedelta(days=7, hours=-6)))
        }
        for name, at in first.items():
            shown = f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}"
            assert f"Send before {shown} Europe/Copenhagen, or the oldest order is lost" in section(said, name)
            assert shop.plan().at(name)["first_too_old_at"] == shown

    def test_a_plan_says_what_is_too_old_and_since_when(self, shop: Shop) -> None:
        bought = [f"{shop.day(back)} 12:00:00" for back in (12, 10, 10, 2)]
        shop.orders(*(shop.order(str(i), purchased_at=at) for i, at in enumerate(bought)))
        window = ("--since", shop.day(14), "--until", shop.day(1))
        told: Json = shop.plan(*window).at("meta")
        assert (told["too_old"]["orders"], told["too_old"]["since"], told["too_old"]["until"]) == (
            3, shop.day(12), shop.day(10)
        )  # fmt: skip
        assert told["too_old"]["at"] == f"{shop.day(3)} 17:59"
        said = shop.command("plan", *window).out
        days = f"{shop.day(12)} to {shop.day(10)}"
        assert "3 orders are older than the 7 days of meta and cannot be sent there" in section(said, "meta")
        assert f"bought {days}, all of them too old since {shop.day(3)} 17:59 Europe/Copenhagen" in section(
            said, "meta"
        )
        assert "too old" not in section(said, "google")

    def test_since_when_is_the_moment_at_which_it_became_so(self, shop: Shop) -> None:
        """One order, and plans on both sides of that moment."""
        shop.orders(shop.order("1", purchased_at=f"{shop.day(5)} 12:00:00"))
        window = ("--since", shop.day(5), "--until", shop.day(5))
        until = datetime.fromisoformat(shop.plan(*window).at("meta")["first_too_old_at"]).replace(tzinfo=ZONE)
        shop.clock.now = until + timedelta(seconds=30)
        assert shop.plan(*window).at("meta")["too_old"] is None
        shop.clock.now = until + timedelta(seconds=90)
        told: Json = shop.plan(*window).at("meta")["too_old"]
        assert datetime.fromisoformat(told["at"]).replace(tzinfo=ZONE) == until

    def test_nothing_to_send_has_no_deadline(self, shop: Shop) -> None:
        shop.orders(shop.order("1"))
        assert shop.run().code == 0
        assert "Send before" not in shop.command("plan").out


class TestAnotherRun:
    def test_it_is_named_while_it_runs(self, gated: Shop, door: Door) -> None:
        gated.orders(gated.order("1"))
        running = gated.start("run")
        door.await_both(running)
        said = gated.command("run", *days(gated), "--yes")
        assert said.code == 75
        ((operator, pid, started),) = gated.sql("SELECT operator, pid, started_us FROM run")
        since = datetime.fromtimestamp(started / 1e6, ZONE)
        assert f"of {operator} on " in said.err
        assert f"process {pid}, since {since:%Y-%m-%d %H:%M} Europe/Copenhagen" in said.err
        assert pid == running.pid
        door.open()
        assert gated.finish(running).code == 0

    def test_waiting_ends_when_it_has_finished(self, gated: Shop, door: Door) -> None:
        gated.orders(gated.order("1"))
        running = gated.start("run")
        door.await_both(running)
        waiting = gated.start("run", "--wait", "24h")
        door.open()
        assert [gated.finish(each).code for each in (running, waiting)] == [0, 0]
        assert [gated.received(name)["events"] for name in NAMES] == [1, 1]


def section(text: str, name: str) -> str:
    """What *text* says of one destination, below its name."""
    return text.partition(f"\n{name}:")[2].partition("\n\n")[0]
