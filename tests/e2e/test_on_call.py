"""Whoever is on call hears of what is new, once; nobody hears of a good night."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import gethostname
from threading import Thread

import pytest

from conversions.ledger import open_ledger
from conversions.settings import load
from tests.e2e.shop import Shop


class Monitor:
    """A heartbeat's server, and a chat's."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.status = 200
        heard = self.heard
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append((self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0))))
                self.send_response(monitor.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.heard]


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    monitor = Monitor()
    Thread(target=monitor.server.serve_forever, daemon=True).start()
    yield monitor
    monitor.server.shutdown()
    monitor.server.server_close()


pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own


def on_call(shop: Shop, monitor: Monitor) -> None:
    shop.environment |= {
        "CONVERSIONS_ON_CALL__HEARTBEAT_URL": f"http://{monitor.address}/ping/s3cret",
        "CONVERSIONS_ON_CALL__ALERTS": json.dumps([f"json://{monitor.address}/chat"]),
    }
    shop.configure(on_call={"metrics_file": "figures.prom"})


def test_a_good_night_is_told_to_the_monitor_alone(shop: Shop, monitor: Monitor) -> None:
    on_call(shop, monitor)
    shop.orders(shop.order())

    said = shop.command("run", "--quiet")

    assert (said.code, said.out, said.err) == (0, "", "")
    assert monitor.paths == ["/ping/s3cret/start", "/ping/s3cret/0"]
    figures = (shop.home / "figures.prom").read_text()
    assert 'conversions_sent{destination="google"} 1.0' in figures
    (told,) = [
        line.split()[-1] for line in figures.splitlines() if line.startswith("conversions_last_success_seconds ")
    ]
    assert float(told) == shop.now.timestamp()


def test_a_stopped_run_is_told_with_its_sentence(shop: Shop, monitor: Monitor) -> None:
    on_call(shop, monitor)

    said = shop.command("run", "--quiet")

    assert said.code == 66
    assert monitor.paths == ["/ping/s3cret/start", "/chat", "/ping/s3cret/66"]
    told = json.loads(monitor.heard[1][1])
    assert told["title"] == f"conversions main on {gethostname()}: exit 66, orders cannot be read"
    assert told["message"] in said.err
    assert "conversions_exit_code 66" in (shop.home / "figures.prom").read_text()


def test_a_destination_that_stops_is_told_by_name(shop: Shop, monitor: Monitor) -> None:
    on_call(shop, monitor)
    shop.orders(shop.order())
    shop.sandbox.use_faults(["expired-token:meta"])

    assert shop.command("run", "--quiet").code == 77
    chat = next(json.loads(body)["message"] for path, body in monitor.heard if path == "/chat")
    assert "meta refuses the credentials" in chat
    assert "1 order waits for meta" in chat


def test_a_monitor_that_is_down_changes_nothing_but_says_so(shop: Shop, monitor: Monitor) -> None:
    on_call(shop, monitor)
    shop.configure(on_call={"metrics_file": "no/such/place/figures.prom"})
    monitor.status = 500
    shop.orders(shop.order())

    said = shop.command("run", "--quiet")

    assert said.code == 0
    assert said.out == ""
    assert len(said.err.splitlines()) == 3
    assert "s3cret" not in said.err


@pytest.mark.parametrize("name", ["heartbeat_url", "alerts"])
def test_its_addresses_are_secrets_and_have_no_place_in_the_file(shop: Shop, name: str) -> None:
    shop.configure(on_call={name: "https://hc.example/s3cret"})

    said = shop.command("run")

    assert said.code == 78
    assert name in said.err
    assert "s3cret" not in said.err


def test_the_same_bad_rows_alarm_once(shop: Shop) -> None:
    bad = [shop.order(f"20{i:02}", total="a lot") for i in range(25)]
    good = shop.order()
    shop.orders(good, *bad)
    assert shop.run().code == 1
    shop.wait(days=1)
    shop.orders(good, *bad, name="orders-2.csv")

    assert shop.run().code == 0

    shop.orders(good, *bad, *[shop.order(f"30{i:02}", total="a lot") for i in range(25)], name="orders-3.csv")
    again = shop.command("run")
    assert again.code == 1
    assert "25 of the" in again.err


def test_what_a_platform_refused_alarms_once_and_stays_in_status(shop: Shop) -> None:
    shop.orders(shop.order(product_ids="BAD-1"), shop.order("1002"))
    shop.sandbox.use_faults(["poison=BAD"])
    assert shop.run().code == 1
    shop.wait(days=1)

    assert shop.command("run", "--quiet").code == 0
    assert {problem["order_no"] for problem in shop.status()["problems"]} == {"1001"}


def waiting(shop: Shop) -> None:
    """Two orders that Meta has not taken yet."""
    shop.orders(shop.order(), shop.order("1002"))
    shop.sandbox.use_faults(["expired-token:meta"])
    assert shop.command("run").code == 77


def source_gone(shop: Shop) -> None:
    shop.orders(shop.order(), hours_ago=0)


def platform_down(shop: Shop) -> None:
    shop.sandbox.use_faults(["503:meta"])


def token_dead(shop: Shop) -> None:
    shop.sandbox.use_faults(["expired-token:meta"])


def quota_used_up(shop: Shop) -> None:
    shop.sandbox.use_faults(["quota-per-day:google", "expired-token:meta"])


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(source_gone, 75), (platform_down, 75), (token_dead, 77), (quota_used_up, 77)],
)
def test_whoever_is_woken_for_75_or_77_hears_what_waits_until_when_and_what_to_type(
    shop: Shop, trouble: Callable[[Shop], None], code: int
) -> None:
    waiting(shop)
    trouble(shop)

    said = shop.command("run", "--quiet")

    assert said.code == code, said
    assert "Nothing is lost: 2 orders wait for meta. Send before 2026-11-27 17:59 Europe/Copenhagen, or" in said.err
    assert "`conversions run` goes on with them" in said.err


def test_so_does_who_meets_another_run(shop: Shop) -> None:
    waiting(shop)
    with open_ledger(load(shop.config), shop.clock):
        said = shop.command("run", "--quiet")

    assert said.code == 75
    assert "Another run holds the store" in said.err
    assert "2 orders wait for meta" in said.err


def test_a_store_that_comes_from_another_machine_is_said_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.orders(shop.order())
    monkeypatch.setattr("socket.gethostname", lambda: "old-server")
    assert shop.run().code == 0
    monkeypatch.setattr("socket.gethostname", lambda: "new-server")

    said = shop.command("run", "--quiet")

    assert said.code == 1
    assert "last used on old-server" in said.err
    assert [one["code"] for one in shop.status()["findings"]] == ["moved"]
    assert shop.command("run", "--quiet").code == 0
    assert shop.status()["findings"] == []


def test_each_report_that_fails_is_told_by_itself_and_what_arrived_too(shop: Shop, monitor: Monitor) -> None:
    on_call(shop, monitor)
    shop.configure(on_call={"metrics_file": "m/figures.prom"})

    said = shop.command("run", "--quiet")

    assert f"The metrics file's folder {shop.home / 'm'} does not exist. Create it, or correct" in said.err
    assert "Alerts and heartbeat were sent." in said.err
    assert shop.command("doctor").out.count("The metrics file's folder") == 1
