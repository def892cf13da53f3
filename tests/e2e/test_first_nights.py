"""A shop's first nights: the platforms are asked before anything counts, and little leaves before somebody has looked."""

from datetime import date, timedelta

import orjson
import pytest
from filelock import FileLock

from tests.e2e.said import CREDENTIALS, DATA, REFUSES, STORE, TRY_AGAIN, Json, Said
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, ZONE, Shop

NOBODY = "nobody@example.com"


def online(shop: Shop) -> tuple[Said, dict[str, list[Json]]]:
    """``doctor --online``: what it said, and its findings by what they are about."""
    said = shop.command("doctor", "--online", "--json")
    about: dict[str, list[Json]] = {}
    for finding in said.json["findings"]:
        about.setdefault(finding["about"], []).append(finding)
    return said, about


class TestOnline:
    @pytest.fixture(autouse=True)
    def orders(self, shop: Shop) -> None:
        shop.orders(shop.order("1"))

    def test_google_checks_a_made_up_order_and_counts_nothing(self, shop: Shop) -> None:
        said, about = online(shop)
        assert said.code == 0, said
        assert about["google"][-1]["level"] == "ok"
        assert "would accept it; nothing was counted" in about["google"][-1]["sentence"]
        received = shop.received("google")
        assert (received["requests"], received["accepted_requests"], received["events"]) == (1, 1, 0)
        assert (received["distinct"], received["value"]) == (0, {})

    def test_what_leaves_is_an_order_of_nobody_as_any_other_would_look(self, shop: Shop) -> None:
        online(shop)
        (body,) = shop.bodies("google")
        probe = orjson.loads(body)
        (event,) = probe["events"]
        assert probe.pop("validateOnly") is True
        assert event["userData"]["userIdentifiers"] == [{"emailAddress": digest(NOBODY)}]
        assert shop.run().counts("google") == {"sent": 1}
        real = orjson.loads(shop.bodies("google")[-1])
        assert set(probe) == set(real)
        assert set(event) - {"consent"} == set(real["events"][0])
        assert probe["destinations"] == real["destinations"]

    def test_it_is_in_the_log_before_it_leaves_and_byte_for_byte(self, shop: Shop) -> None:
        online(shop)
        (line,) = shop.exported()
        assert (line["purpose"], line["outcome"], line["events"]) == ("probe", "received", 0)
        assert line["body"].encode() == shop.bodies("google")[0]
        assert shop.command("audit", "verify").code == 0

    def test_a_line_that_goes_dead_leaves_an_attempt_of_unknown_outcome(self, shop: Shop) -> None:
        shop.sandbox.use_faults(["lost:google"])
        said, _ = online(shop)
        assert said.code == TRY_AGAIN
        assert [line["outcome"] for line in shop.exported()] == ["unknown"]
        shop.sandbox.use_faults([])
        assert shop.run().code == 0
        assert shop.received("google")["events"] == 1

    def test_a_killed_one_is_unknown_and_in_nobodys_way(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as broken:
            broken.setattr("conversions.destinations.google.client.post", killed)
            shop.command("doctor", "--online")
        assert shop.sql("SELECT outcome FROM request") == [(None,)]
        assert shop.run().code == 0
        assert shop.sql("SELECT outcome FROM request ORDER BY id") == [("unknown",), ("received",), ("received",)]
        assert shop.command("audit", "verify").code == 0

    def test_nobody_asks_later_what_became_of_it(self, shop: Shop) -> None:
        online(shop)
        shop.wait(hours=2)
        said = shop.run()
        assert said.code == 0, said
        assert shop.sql("SELECT ask_at, asked FROM request WHERE purpose = 'probe'") == [(None, 0)]

    def test_no_account_is_pinned_by_it_and_none_is_known_to_have_orders(self, shop: Shop) -> None:
        online(shop)
        shop.configure(destinations={"google": {"conversion_action_id": "111222333"}})
        _, about = online(shop)
        assert about["google"][-1]["level"] == "ok"
        assert shop.run().counts("google") == {"sent": 1}

    @pytest.mark.parametrize(
        ("fault", "code", "advice"),
        [
            ("expired-token:google", CREDENTIALS, "service account"),
            ("poison:google=specimen", REFUSES, "400"),
            ("503:google", TRY_AGAIN, "again later"),
            ("quota-per-day:google", TRY_AGAIN, "again later"),
        ],
    )
    def test_a_refusal_says_what_to_do(self, shop: Shop, fault: str, code: int, advice: str) -> None:
        shop.sandbox.use_faults([fault])
        said, about = online(shop)
        assert said.code == code
        assert advice in about["google"][-1]["next"]
        assert shop.received("google")["events"] == 0

    def test_a_refused_probe_sets_nothing_aside(self, shop: Shop) -> None:
        shop.sandbox.use_faults(["poison:google=specimen"])
        online(shop)
        shop.sandbox.use_faults([])
        assert shop.run().counts("google") == {"sent": 1}

    def test_another_run_is_not_disturbed(self, shop: Shop) -> None:
        (shop.home / "var").mkdir(mode=0o700)
        with FileLock(shop.store.with_name("conversions.db.lock"), mode=0o600):
            said, about = online(shop)
        assert (said.code, shop.requests(), shop.store.exists()) == (TRY_AGAIN, 0, False)
        assert "Another run holds the store" in about["online"][0]["sentence"]

    def test_a_store_that_is_gone_is_not_begun_anew_for_it(self, shop: Shop) -> None:
        assert shop.run().code == 0
        for path in shop.store.parent.iterdir():
            path.unlink()
        said, _ = online(shop)
        assert (said.code, shop.received("google")["requests"], shop.store.exists()) == (STORE, 1, False)

    def test_the_log_names_what_left(self, shop: Shop) -> None:
        online(shop)
        ((entry,),) = shop.sql("SELECT body FROM leaf WHERE body LIKE '%\"intent\"%'")
        paths = orjson.loads(entry)["paths"]
        assert "validateOnly" in paths
        assert "events[].userData.userIdentifiers[].emailAddress" in paths

    def test_a_policy_that_nobody_approved_lets_nothing_leave(self, shop: Shop) -> None:
        assert shop.run().code == 0
        before = shop.requests()
        shop.policy.write_text(shop.policy.read_text().replace('version = "2026-01"', 'version = "2026-02"'))
        said, about = online(shop)
        assert (said.code, shop.requests()) == (78, before)
        assert "conversions policy approve" in about["online"][0]["sentence"]


@pytest.fixture
def real(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose settings name the platforms themselves, and whose platforms are the sandbox all the same."""
    for kind in NAMES:
        monkeypatch.setattr(f"conversions.destinations.{kind}.client.HOST", shop.sandbox.url)
    monkeypatch.setattr("conversions.destinations.google.client.Token.get", lambda _: "token")
    open_for_business(shop)
    return shop


def open_for_business(shop: Shop, **guards: object) -> None:
    here = {"endpoint": None, "requests_per_minute": None, **guards}
    shop.configure(destinations=dict.fromkeys(NAMES, here))


class TestGuards:
    def test_the_first_run_sends_one_small_request_and_says_what_waits(self, real: Shop) -> None:
        open_for_business(real, first_batch=2)
        real.orders(*(real.order(str(number)) for number in range(5)))
        assert "a run sends 2 of them, the next run the rest (first_batch)" in real.command("plan").out
        said = real.command("run")
        assert said.code == 0, said
        assert "first batch for google (first_batch): look at it there" in said.err
        assert "Nothing is lost: 3 orders wait for google" in said.err
        assert [len(orjson.loads(body)["events"]) for body in real.bodies("google")] == [2]
        assert "first_batch" not in real.command("plan").out
        assert real.run().counts("google") == {"sent": 3, "already_sent": 2}

    def test_a_probe_is_no_first_batch(self, real: Shop) -> None:
        open_for_business(real, first_batch=2)
        real.orders(*(real.order(str(number)) for number in range(3)))
        online(real)
        assert real.run().counts("google") == {"sent": 2, "pending": 1}

    def test_purchases_before_the_start_are_withheld_and_counted_by_the_plan(self, real: Shop) -> None:
        open_for_business(real, not_before=date.fromisoformat(real.day(2)))
        real.orders(real.order("1", purchased_at=f"{real.day(3)} 23:59:59"), real.order("2"))
        told = real.command("plan").out
        assert "withheld: 1 before the start of sending (not_before)" in told
        assert real.run().counts("meta") == {"sent": 1, "withheld": {"before_start": 1}}

    def test_more_than_max_new_leave_nothing_until_accepted(self, real: Shop) -> None:
        open_for_business(real, max_new=2)
        real.orders(*(real.order(str(number)) for number in range(3)))
        said = real.command("run")
        assert (said.code, real.requests()) == (DATA, 0)
        assert "conversions run --accept large=3 --reason TEXT" in said.err
        assert real.run("--accept", "large=3", "--reason", "a campaign").counts("meta") == {"sent": 3}

    def test_what_the_pixel_counted_too_long_ago_is_withheld(self, real: Shop) -> None:
        numbers = real.policy.read_text().replace('shape = "wire-id"', 'shape = "order-number"')
        real.policy.write_text(numbers)
        same = {"also_reported_by": "same", "reference": "order_id"}
        website = {"action_source": "website", "event_source_url": "https://shop.example"}
        here = {"endpoint": None, "requests_per_minute": None, **same}
        real.configure(destinations={"google": here, "meta": here | website})
        fresh = (real.now - timedelta(hours=20)).astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
        real.orders(real.order("B-1"), real.order("B-2", purchased_at=fresh))
        said = real.run()
        assert said.counts("google") == {"sent": 2}
        why = "also_reported"
        assert said.counts("meta") == {"sent": 1, "withheld": {why: 1}}

    def test_rehearsals_are_exempt(self, shop: Shop) -> None:
        guards = {"not_before": date(2100, 1, 1), "max_new": 1, "first_batch": 1}
        shop.configure(destinations=dict.fromkeys(NAMES, guards))
        shop.orders(*(shop.order(str(number)) for number in range(3)))
        assert shop.run().counts("meta") == {"sent": 3}
